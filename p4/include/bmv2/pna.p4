/* The Portable NIC Architecture under the name that programs for BMv2 include. */
#include <pna.p4>
