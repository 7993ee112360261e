/* The Portable NIC Architecture as the DPDK target has it: more hash algorithms, packet lengths, IPsec. */
#define PNA_DPDK
#include <pna.p4>
