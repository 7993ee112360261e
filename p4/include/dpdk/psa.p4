/* The Portable Switch Architecture as the DPDK target has it: counters and meters that are told packet lengths. */
#define PSA_DPDK
#include <psa.p4>
