; Routes an IPv4 packet in an Ethernet frame: checks, decrements the time to live, mends the checksum, and sends it to
; the port that table 0 has for the destination. Others are counted and dropped.
.equ ETHERTYPE_IPV4 0x0800
.equ IP 14

        movi r0, 0
        ldh r2, [r0 + 12]
        movi r3, ETHERTYPE_IPV4
        bne r2, r3, other
        addi r1, r0, IP         ; r1: the IPv4 header
        ldb r2, [r1 + 0]
        andi r2, r2, 0xf
        shli r2, r2, 2          ; r2: its length in bytes
        csum r3, r1, r2
        bne r3, r0, damaged
        ldb r3, [r1 + 8]
        movi r4, 2
        blt r3, r4, expired
        ldw r5, [r1 + 16]
        lkp r6, t0, r5, unknown
        subi r3, r3, 1
        stb [r1 + 8], r3
        sth [r1 + 10], r0
        csum r3, r1, r2
        sth [r1 + 10], r3
        cnt c0
        fwd r6

expired: cnt c1
        drop 4
unknown: cnt c2
        drop 5
damaged:
other:  cnt c3
        drop
