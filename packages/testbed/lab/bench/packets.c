/* Load and comparison for af-packet.ts: `packets send DEVICE SECONDS` sends 64-byte frames, `packets forward IN OUT
 * SECONDS` copies frames from one device to another the plain way (recvmmsg, hop limit, sendmmsg), `packets rings IN OUT SECONDS` does it
 * with the rings and system calls of our port (TPACKET_V2, one sendto for what has come), `packets show DEVICE` prints the first IPv6
 * frame that arrives. Frames are IPv6 over UDP to fd00::2, as the switch's one route wants them. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, FRAME = 64, ROOM = 2048, RING_FRAMES = 1024, RING_BATCH = 256, TX_DATA = 32 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int open_device(const char *name) {
    int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = if_nametoindex(name)};
    int one = 1, size = 1 << 24;
    if (fd < 0 || address.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        perror(name);
        exit(1);
    }
    setsockopt(fd, SOL_PACKET, 20 /* QDISC_BYPASS */, &one, sizeof one);
    setsockopt(fd, SOL_PACKET, 23 /* IGNORE_OUTGOING */, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return fd;
}

/* Receive and transmit ring of a device, one behind the other, as os-packet-ring.ts makes them. */
static unsigned char *open_rings(const char *name, int *fd) {
    int version = TPACKET_V2, one = 1;
    struct tpacket_req request = {1 << 16, RING_FRAMES * ROOM >> 16, ROOM, RING_FRAMES};
    struct packet_mreq all = {.mr_ifindex = if_nametoindex(name), .mr_type = PACKET_MR_PROMISC};
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = all.mr_ifindex};
    *fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    setsockopt(*fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version);
    setsockopt(*fd, SOL_PACKET, 14 /* LOSS */, &one, sizeof one);
    setsockopt(*fd, SOL_PACKET, 20 /* QDISC_BYPASS */, &one, sizeof one);
    setsockopt(*fd, SOL_PACKET, 23 /* IGNORE_OUTGOING */, &one, sizeof one);
    setsockopt(*fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof request);
    setsockopt(*fd, SOL_PACKET, PACKET_TX_RING, &request, sizeof request);
    setsockopt(*fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all);
    void *memory = MAP_FAILED;
    if (bind(*fd, (struct sockaddr *)&address, sizeof address) == 0)
        memory = mmap(NULL, 2 * RING_FRAMES * ROOM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, *fd, 0);
    if (memory == MAP_FAILED) {
        perror(name);
        exit(1);
    }
    return memory;
}

static void print_cost(long frames) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double user = used.ru_utime.tv_sec + used.ru_utime.tv_usec / 1e6, kernel = used.ru_stime.tv_sec + used.ru_stime.tv_usec / 1e6;
    if (frames > 0) printf("%.0f %.0f\n", (user + kernel) * 1e9 / frames, kernel * 1e9 / frames);
}

static void forward_rings(const char *from, const char *to, double seconds) {
    int in, out;
    unsigned char *rx = open_rings(from, &in), *tx = open_rings(to, &out) + RING_FRAMES * ROOM;
    double end = now() + seconds;
    long frames = 0;
    for (unsigned next_in = 0, next_out = 0; now() < end;) {
        int count = 0;
        for (; count < RING_BATCH; count++) {
            struct tpacket2_hdr *h = (void *)(rx + next_in % RING_FRAMES * ROOM);
            struct tpacket2_hdr *t = (void *)(tx + next_out % RING_FRAMES * ROOM);
            if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) break;
            if (__atomic_load_n(&t->tp_status, __ATOMIC_ACQUIRE) == TP_STATUS_AVAILABLE) {
                unsigned char *p = (unsigned char *)t + TX_DATA;
                memcpy(p, (unsigned char *)h + h->tp_mac, h->tp_snaplen);
                p[21]--;
                memcpy(p, "\x02\x00\x00\x00\x00\x02", 6);
                t->tp_len = h->tp_snaplen;
                __atomic_store_n(&t->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
                next_out++;
                frames++;
            }
            __atomic_store_n(&h->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
            next_in++;
        }
        if (count > 0) sendto(out, NULL, 0, MSG_DONTWAIT, NULL, 0);
    }
    print_cost(frames);
}

static unsigned char buffers[BATCH][ROOM];
static struct iovec vectors[BATCH];
static struct mmsghdr messages[BATCH];

static void reset(int length) {
    for (int i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){buffers[i], length};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &vectors[i], .msg_iovlen = 1}};
    }
}

static void frame(unsigned char *p, int flow) {
    memset(p, 0, FRAME);
    memcpy(p, "\xa8\x40\x25\x05\x00\x65\x02\x00\x00\x00\x00\x01\x86\xdd", 14);
    p[14] = 0x60;
    p[19] = 10; /* payload: UDP and two bytes */
    p[20] = 17;
    p[21] = 64;
    p[22] = 0xfd;
    p[37] = 1;
    p[38] = 0xfd;
    p[53] = 2;
    p[54] = 0x10 + (flow >> 8);
    p[55] = flow;
    p[57] = 53;
    p[59] = 10;
    unsigned sum = 0; /* UDP over IPv6 has a checksum */
    for (int i = 22; i < 64; i += 2) sum += (p[i] << 8) | p[i + 1];
    sum += 10 + 17;
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    sum = ~sum & 0xffff;
    p[60] = sum >> 8;
    p[61] = sum;
}

int main(int argc, char **argv) {
    if (argc == 4 && !strcmp(argv[1], "send")) {
        int fd;
        unsigned char *tx = open_rings(argv[2], &fd) + RING_FRAMES * ROOM;
        for (int i = 0; i < RING_FRAMES; i++) frame(tx + i * ROOM + TX_DATA, i % BATCH);
        unsigned next = 0;
        for (double end = now() + atof(argv[3]); now() < end;) {
            for (int i = 0; i < RING_BATCH; i++, next++) {
                struct tpacket2_hdr *t = (void *)(tx + next % RING_FRAMES * ROOM);
                if (__atomic_load_n(&t->tp_status, __ATOMIC_ACQUIRE) != TP_STATUS_AVAILABLE) break;
                t->tp_len = FRAME;
                __atomic_store_n(&t->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
            }
            sendto(fd, NULL, 0, 0, NULL, 0);
        }
    } else if (argc == 5 && !strcmp(argv[1], "forward")) {
        int in = open_device(argv[2]), out = open_device(argv[3]);
        double end = now() + atof(argv[4]);
        long frames = 0;
        while (now() < end) {
            reset(ROOM);
            int count = recvmmsg(in, messages, BATCH, MSG_DONTWAIT, NULL);
            if (count <= 0) continue;
            for (int i = 0; i < count; i++) {
                vectors[i].iov_len = messages[i].msg_len;
                buffers[i][21]--;
                memcpy(buffers[i], "\x02\x00\x00\x00\x00\x02", 6);
            }
            sendmmsg(out, messages, count, 0);
            frames += count;
        }
        print_cost(frames);
    } else if (argc == 5 && !strcmp(argv[1], "rings")) {
        forward_rings(argv[2], argv[3], atof(argv[4]));
    } else if (argc == 3 && !strcmp(argv[1], "show")) {
        int fd = open_device(argv[2]);
        unsigned char *p = buffers[0];
        for (;;) {
            int length = recv(fd, p, ROOM, 0);
            if (length < FRAME || p[12] != 0x86 || p[13] != 0xdd || p[38] != 0xfd) continue;
            for (int i = 0; i < length; i++) printf("%02x", p[i]);
            return 0;
        }
    } else {
        fprintf(stderr, "usage: packets send DEVICE SECONDS | forward|rings IN OUT SECONDS | show DEVICE\n");
        return 2;
    }
    return 0;
}
