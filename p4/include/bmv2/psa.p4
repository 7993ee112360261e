/* The Portable Switch Architecture under the name that programs for BMv2 include. */
#include <psa.p4>
