/*
 * The Portable NIC Architecture (P4.org PNA specification 0.7), declarations only: programs for it can be checked, but
 * not run. dpdk/pna.p4 is the same with what the DPDK target adds.
 */
#ifndef _PNA_P4_
#define _PNA_P4_

#include <core.p4>

/*
 * Each metadata type is distinct, has a plain number below it, and a form for use in headers; functions convert between
 * the two forms.
 */
#define PNA_METADATA_TYPE(NAME, WIDTH, HEADER_WIDTH) \
    typedef bit<WIDTH> NAME##Uint_t; \
    @p4runtime_translation("p4.org/pna/v1/" #NAME "_t", WIDTH) \
    type NAME##Uint_t NAME##_t; \
    typedef bit<HEADER_WIDTH> NAME##InHeaderUint_t; \
    @p4runtime_translation("p4.org/pna/v1/" #NAME "InHeader_t", HEADER_WIDTH) \
    type NAME##InHeaderUint_t NAME##InHeader_t; \
    NAME##_t pna_##NAME##_header_to_int(in NAME##InHeader_t x) { \
        return (NAME##_t) (NAME##Uint_t) (NAME##InHeaderUint_t) x; \
    } \
    NAME##InHeader_t pna_##NAME##_int_to_header(in NAME##_t x) { \
        return (NAME##InHeader_t) (NAME##InHeaderUint_t) (NAME##Uint_t) x; \
    }

PNA_METADATA_TYPE(PortId, 32, 32)
PNA_METADATA_TYPE(InterfaceId, 32, 32)
PNA_METADATA_TYPE(MulticastGroup, 32, 32)
PNA_METADATA_TYPE(MirrorSessionId, 16, 16)
PNA_METADATA_TYPE(MirrorSlotId, 8, 8)
PNA_METADATA_TYPE(ClassOfService, 8, 8)
PNA_METADATA_TYPE(PacketLength, 16, 16)
PNA_METADATA_TYPE(MulticastInstance, 16, 16)
PNA_METADATA_TYPE(Timestamp, 64, 64)
PNA_METADATA_TYPE(FlowId, 32, 32)
PNA_METADATA_TYPE(ExpireTimeProfileId, 8, 8)
PNA_METADATA_TYPE(PassNumber, 3, 8)
PNA_METADATA_TYPE(SecurityAssocId, 32, 32)

typedef error ParserError_t;

const InterfaceId_t PNA_PORT_CPU = (InterfaceId_t) 0xfffffffd;
const MirrorSessionId_t PNA_MIRROR_SESSION_TO_CPU = (MirrorSessionId_t) 0;

match_kind { range, selector, optional }

enum PNA_IdleTimeout_t { NO_TIMEOUT, NOTIFY_CONTROL }
enum PNA_Direction_t { NET_TO_HOST, HOST_TO_NET }
enum PNA_PacketPath_t {
    FROM_NET_PORT,
    FROM_NET_LOOPEDBACK,
    FROM_NET_RECIRCULATED,
    FROM_HOST,
    FROM_HOST_LOOPEDBACK,
    FROM_HOST_RECIRCULATED
}
enum PNA_CounterType_t { PACKETS, BYTES, PACKETS_AND_BYTES }
enum PNA_MeterType_t { PACKETS, BYTES }
enum PNA_MeterColor_t { RED, GREEN, YELLOW }
#ifdef PNA_DPDK
enum PNA_HashAlgorithm_t {
    IDENTITY,
    CRC32,
    CRC32_CUSTOM,
    CRC16,
    CRC16_CUSTOM,
    ONES_COMPLEMENT16,
    TOEPLITZ,
    TARGET_DEFAULT
}
#else
enum PNA_HashAlgorithm_t { TARGET_DEFAULT }
#endif

extern Hash<O> {
    Hash(PNA_HashAlgorithm_t algo);
    O get_hash<D>(in D data);
    /* base + (hash of data mod max). */
    O get_hash<T, D>(in T base, in D data, in T max);
}

extern Checksum<W> {
    Checksum(PNA_HashAlgorithm_t hash);
    void clear();
    void update<T>(in T data);
    W get();
}

/* The ones' complement sum of IPv4, TCP and UDP, which can also be adjusted (RFC 1624). */
extern InternetChecksum {
    InternetChecksum();
    void clear();
    void add<T>(in T data);
    void subtract<T>(in T data);
    bit<16> get();
    bit<16> get_state();
    void set_state(in bit<16> checksum_state);
}

#ifdef PNA_DPDK
extern Counter<W, S> {
    Counter(bit<32> n_counters, PNA_CounterType_t type);
    void count(in S index);
    void count(in S index, in bit<32> pkt_len);
}
extern DirectCounter<W> {
    DirectCounter(PNA_CounterType_t type);
    void count();
    void count(in bit<32> pkt_len);
}
extern Meter<S> {
    Meter(bit<32> n_meters, PNA_MeterType_t type);
    PNA_MeterColor_t execute(in S index, in PNA_MeterColor_t color);
    PNA_MeterColor_t execute(in S index);
    PNA_MeterColor_t dpdk_execute(in S index, in PNA_MeterColor_t color, in bit<32> pkt_len);
    PNA_MeterColor_t dpdk_execute(in S index, in bit<32> pkt_len);
}
extern DirectMeter {
    DirectMeter(PNA_MeterType_t type);
    PNA_MeterColor_t execute(in PNA_MeterColor_t color);
    PNA_MeterColor_t execute();
    PNA_MeterColor_t dpdk_execute(in PNA_MeterColor_t color, in bit<32> pkt_len);
    PNA_MeterColor_t dpdk_execute(in bit<32> pkt_len);
}
#else
extern Counter<W, S> {
    Counter(bit<32> n_counters, PNA_CounterType_t type);
    void count(in S index, @optional in bit<32> increment);
}
extern DirectCounter<W> {
    DirectCounter(PNA_CounterType_t type);
    void count(@optional in bit<32> increment);
}
extern Meter<S> {
    Meter(bit<32> n_meters, PNA_MeterType_t type);
    PNA_MeterColor_t execute(in S index, in PNA_MeterColor_t color);
    PNA_MeterColor_t execute(in S index);
}
extern DirectMeter {
    DirectMeter(PNA_MeterType_t type);
    PNA_MeterColor_t execute(in PNA_MeterColor_t color, @optional in bit<32> pkt_len);
    PNA_MeterColor_t execute(@optional in bit<32> pkt_len);
}
#endif

extern Register<T, S> {
    Register(bit<32> size);
    Register(bit<32> size, T initial_value);
    T read(in S index);
    void write(in S index, in T value);
}

extern Random<T> {
    Random(T min, T max);
    T read();
}

extern ActionProfile {
    ActionProfile(bit<32> size);
}

extern ActionSelector {
    ActionSelector(PNA_HashAlgorithm_t algo, bit<32> size, bit<32> outputWidth);
}

extern Digest<T> {
    Digest();
    void pack(in T data);
}

#ifdef PNA_DPDK
enum ipsec_status { IPSEC_SUCCESS, IPSEC_ERROR }

/* Encrypts or decrypts the packet after the deparser, as the chosen security association says. */
extern ipsec_accelerator {
    ipsec_accelerator();
    void set_sa_index<T>(in T sa_index);
    void set_ip_header_offset<T>(in T offset);
    void enable();
    void disable();
    /* Whether the packet comes back from the accelerator. */
    bool from_ipsec(out ipsec_status status);
}
#endif

struct pna_pre_input_metadata_t {
    PortId_t input_port;
    ParserError_t parser_error;
    PNA_Direction_t direction;
    PassNumber_t pass;
    bool loopedback;
}

struct pna_pre_output_metadata_t {
    bool decrypt;
    SecurityAssocId_t said;
    bit<16> decrypt_start_offset;
}

struct pna_main_parser_input_metadata_t {
    PNA_Direction_t direction;
    PassNumber_t pass;
    bool loopedback;
    PortId_t input_port;
}

struct pna_main_input_metadata_t {
    PNA_Direction_t direction;
    PassNumber_t pass;
    bool loopedback;
    Timestamp_t timestamp;
    ParserError_t parser_error;
    ClassOfService_t class_of_service;
    PortId_t input_port;
}

struct pna_main_output_metadata_t {
    ClassOfService_t class_of_service;
}

extern void drop_packet();
extern void send_to_port(PortId_t dest_port);
extern void mirror_packet(MirrorSlotId_t mirror_slot_id, MirrorSessionId_t mirror_session_id);
extern void recirculate();

/* Only in the miss action of a table with add_on_miss: adds an entry for the key that missed. */
extern bool add_entry<T>(string action_name, in T action_params, in ExpireTimeProfileId_t expire_time_profile_id);
extern FlowId_t allocate_flow_id();
extern void set_entry_expire_time(in ExpireTimeProfileId_t expire_time_profile_id);
extern void restart_expire_timer();

extern T SelectByDirection<T>(in PNA_Direction_t direction, in T n2h_value, in T h2n_value);

control PreControlT<PH, PM>(
    in PH pre_hdr,
    inout PM pre_user_meta,
    in pna_pre_input_metadata_t istd,
    inout pna_pre_output_metadata_t ostd);

parser MainParserT<MH, MM>(
    packet_in pkt,
    out MH main_hdr,
    inout MM main_user_meta,
    in pna_main_parser_input_metadata_t istd);

control MainControlT<MH, MM>(
    inout MH main_hdr,
    inout MM main_user_meta,
    in pna_main_input_metadata_t istd,
    inout pna_main_output_metadata_t ostd);

control MainDeparserT<MH, MM>(
    packet_out pkt,
    in MH main_hdr,
    in MM main_user_meta,
    in pna_main_output_metadata_t ostd);

package PNA_NIC<PH, PM, MH, MM>(
    MainParserT<MH, MM> main_parser,
    PreControlT<PH, PM> pre_control,
    MainControlT<MH, MM> main_control,
    MainDeparserT<MH, MM> main_deparser);

#endif
