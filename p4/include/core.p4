/* The P4-16 core library (language specification, appendix D), for Lodestone's compiler. */
#ifndef _CORE_P4_
#define _CORE_P4_

/* What can go wrong while parsing a packet. */
error {
    NoError,
    PacketTooShort,         // extract, advance or lookahead past the end
    NoMatch,                // no case of a select applies
    StackOutOfBounds,       // header stack index too large
    HeaderTooShort,         // variable-size field longer than it may be
    ParserTimeout,
    ParserInvalidArgument
}

match_kind {
    exact,
    ternary,
    lpm
}

/* The packet as a parser reads it. */
extern packet_in {
    /* Reads a header of fixed size and moves on. */
    void extract<T>(out T hdr);
    /* Reads a header whose varbit field has the given number of bits. */
    void extract<T>(out T variableSizeHeader, in bit<32> variableFieldSizeInBits);
    /* Reads without moving on. */
    T lookahead<T>();
    void advance(in bit<32> sizeInBits);
    /* Bytes in the packet. */
    bit<32> length();
}

/* The packet as a deparser builds it. */
extern packet_out {
    /* Appends a valid header; structs, stacks and unions member by member. */
    void emit<T>(in T hdr);
}

/* In a parser: goes to reject with this error unless the check holds. */
extern void verify(in bool check, in error toSignal);

@noWarn("unused")
action NoAction() {}

/* Checked while compiling. */
extern bool static_assert(bool check, string message);
extern bool static_assert(bool check);

#endif
