// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A decoder for the handful of x86-64 instructions that functions begin with: lengths and written
 * registers. Zydis is not used: it decodes x86 alone, would save about a hundred lines, as which
 * instructions the kernel emulates is no library's business, and would put a decoder of all
 * instructions into the process that has the rights. */
#include "datapath/attach/tls/probe_site.h"

#include <elf.h>
#include <stdbool.h>

enum target { NOTHING, REG, RM, OPCODE_REG };	  /* the general register that is written */
enum immediate { NO_IMM, IMM8, IMM32, IMM_FULL }; /* IMM_FULL: 8 bytes with REX.W, else 4 */

#define ANY_DIGIT   (-1)
#define NOT_COMPARE (-2) /* every digit but 7 */

/* One instruction form. */
struct form {
	bool two_byte; /* after 0x0f */
	uint8_t opcode;
	uint8_t mask;
	bool modrm;
	int8_t digit; /* /digit of the ModRM byte */
	enum target writes;
	enum immediate immediate;
	enum probe_site_kind emulated; /* PROBE_SITE_STEPPED: not emulated */
};

#define ARITHMETIC(opcode)                                                                         \
	{false, opcode, 0xff, true, ANY_DIGIT, RM, NO_IMM, PROBE_SITE_STEPPED},                    \
	{                                                                                          \
		false, (opcode) + 2, 0xff, true, ANY_DIGIT, REG, NO_IMM, PROBE_SITE_STEPPED        \
	}
#define COMPARE(opcode) {false, opcode, 0xff, true, ANY_DIGIT, NOTHING, NO_IMM, PROBE_SITE_STEPPED}

static const struct form forms[] = {
	{false, 0x50, 0xf8, false, ANY_DIGIT, NOTHING, NO_IMM, PROBE_SITE_PUSH},
	{false, 0x90, 0xff, false, ANY_DIGIT, NOTHING, NO_IMM, PROBE_SITE_NOP},
	{false, 0x70, 0xf0, false, ANY_DIGIT, NOTHING, IMM8, PROBE_SITE_BRANCH},
	{true, 0x80, 0xf0, false, ANY_DIGIT, NOTHING, IMM32, PROBE_SITE_BRANCH},
	{false, 0xe8, 0xff, false, ANY_DIGIT, NOTHING, IMM32, PROBE_SITE_CALL},
	{false, 0xe9, 0xff, false, ANY_DIGIT, NOTHING, IMM32, PROBE_SITE_JUMP},
	{false, 0xeb, 0xff, false, ANY_DIGIT, NOTHING, IMM8, PROBE_SITE_JUMP},
	ARITHMETIC(0x01), /* add */
	ARITHMETIC(0x09), /* or */
	ARITHMETIC(0x21), /* and */
	ARITHMETIC(0x29), /* sub */
	ARITHMETIC(0x31), /* xor */
	ARITHMETIC(0x89), /* mov */
	COMPARE(0x38),	  /* cmp */
	COMPARE(0x39),
	COMPARE(0x3a),
	COMPARE(0x3b),
	COMPARE(0x84), /* test */
	COMPARE(0x85),
	{false, 0x80, 0xff, true, 7, NOTHING, IMM8, PROBE_SITE_STEPPED}, /* cmp */
	{false, 0x81, 0xff, true, 7, NOTHING, IMM32, PROBE_SITE_STEPPED},
	{false, 0x83, 0xff, true, 7, NOTHING, IMM8, PROBE_SITE_STEPPED},
	{false, 0x81, 0xff, true, NOT_COMPARE, RM, IMM32, PROBE_SITE_STEPPED}, /* add, sub, ... */
	{false, 0x83, 0xff, true, NOT_COMPARE, RM, IMM8, PROBE_SITE_STEPPED},
	{false, 0xf6, 0xff, true, 0, NOTHING, IMM8, PROBE_SITE_STEPPED}, /* test */
	{false, 0xf7, 0xff, true, 0, NOTHING, IMM32, PROBE_SITE_STEPPED},
	{false, 0x63, 0xff, true, ANY_DIGIT, REG, NO_IMM, PROBE_SITE_STEPPED}, /* movslq */
	{false, 0x8d, 0xff, true, ANY_DIGIT, REG, NO_IMM, PROBE_SITE_STEPPED}, /* lea */
	{false, 0xb8, 0xf8, false, ANY_DIGIT, OPCODE_REG, IMM_FULL, PROBE_SITE_STEPPED}, /* mov */
	{false, 0xc7, 0xff, true, 0, RM, IMM32, PROBE_SITE_STEPPED},
	{true, 0x1f, 0xff, true, 0, NOTHING, NO_IMM, PROBE_SITE_STEPPED},     /* long nop */
	{true, 0x40, 0xf0, true, ANY_DIGIT, REG, NO_IMM, PROBE_SITE_STEPPED}, /* cmov */
	{true, 0xb6, 0xfe, true, ANY_DIGIT, REG, NO_IMM, PROBE_SITE_STEPPED}, /* movzx */
	{true, 0xbe, 0xfe, true, ANY_DIGIT, REG, NO_IMM, PROBE_SITE_STEPPED}, /* movsx */
};

struct instruction {
	const struct form *form;
	size_t length_bytes; /* 0: unknown instruction */
	int written;	     /* register number, -1 = none */
};

/* Readable bytes; reads past the end return zeros and are detected by the total length. */
struct code {
	const uint8_t *bytes;
	size_t left;
};

static uint8_t byte_at(const struct code *c, size_t at)
{
	return at < c->left ? c->bytes[at] : 0;
}

static bool digit_fits(int8_t wanted, int digit)
{
	if (wanted == NOT_COMPARE)
		return digit != 7;
	return wanted == ANY_DIGIT || wanted == digit;
}

static const struct form *form_find(bool two_byte, uint8_t opcode, uint8_t modrm)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const struct form *f = &forms[i];

		if (f->two_byte == two_byte && (opcode & f->mask) == f->opcode &&
		    (!f->modrm || digit_fits(f->digit, modrm >> 3 & 7)))
			return f;
	}
	return NULL;
}

/* Bytes of the ModRM byte, the SIB byte and the displacement that start at |at|. */
static size_t address_length(const struct code *c, size_t at)
{
	uint8_t modrm = byte_at(c, at);
	uint8_t mod = modrm >> 6, rm = modrm & 7;
	bool sib = mod != 3 && rm == 4;
	size_t length = sib ? 2 : 1;

	if (mod == 1)
		return length + 1;
	if (mod == 2)
		return length + 4;
	if (mod == 0 && (rm == 5 || (sib && (byte_at(c, at + 1) & 7) == 5)))
		return length + 4;
	return length;
}

static size_t immediate_length(enum immediate immediate, bool wide)
{
	switch (immediate) {
	case NO_IMM:
		return 0;
	case IMM8:
		return 1;
	case IMM32:
		return 4;
	case IMM_FULL:
		return wide ? 8 : 4;
	}
	return 0;
}

static int written_register(const struct form *f, uint8_t rex, uint8_t opcode, uint8_t modrm)
{
	int high_b = (rex & 1) << 3, high_r = (rex & 4) << 1;

	switch (f->writes) {
	case NOTHING:
		return -1;
	case REG:
		return high_r | (modrm >> 3 & 7);
	case RM:
		return modrm >> 6 == 3 ? (high_b | (modrm & 7)) : -1;
	case OPCODE_REG:
		return high_b | (opcode & 7);
	}
	return -1;
}

/* 0x66 shortens immediates and turns branches and pushes into others: only long nops are accepted
 * with it. */
static bool prefixes_fit(const struct form *f, bool operand_size, bool segment, uint8_t rex)
{
	if (operand_size)
		return f->two_byte && f->opcode == 0x1f;
	if (f->emulated == PROBE_SITE_STEPPED)
		return true;
	return !segment && (!rex || f->emulated == PROBE_SITE_PUSH);
}

static struct instruction decode(const struct code *c)
{
	bool operand_size = false, segment = false, two_byte = false;
	struct instruction in = {.written = -1};
	size_t at = 0;
	uint8_t rex = 0, opcode;

	for (; byte_at(c, at) == 0x66 || byte_at(c, at) == 0x64 || byte_at(c, at) == 0x2e; at++) {
		operand_size |= byte_at(c, at) == 0x66;
		segment |= byte_at(c, at) != 0x66;
	}
	if ((byte_at(c, at) & 0xf0) == 0x40)
		rex = byte_at(c, at++);
	if (byte_at(c, at) == 0x0f) {
		two_byte = true;
		at++;
	}
	opcode = byte_at(c, at++);
	in.form = form_find(two_byte, opcode, byte_at(c, at));
	if (!in.form || !prefixes_fit(in.form, operand_size, segment, rex))
		return in;
	in.written = written_register(in.form, rex, opcode, byte_at(c, at));
	at += in.form->modrm ? address_length(c, at) : 0;
	at += immediate_length(in.form->immediate, rex & 8);
	in.length_bytes = at <= c->left ? at : 0;
	return in;
}

static bool is_argument(int reg)
{
	return reg == 7 || reg == 6 || reg == 2 || reg == 1; /* rdi, rsi, rdx, rcx */
}

static bool starts_with_endbr64(const struct code *c)
{
	return byte_at(c, 0) == 0xf3 && byte_at(c, 1) == 0x0f && byte_at(c, 2) == 0x1e &&
	       byte_at(c, 3) == 0xfa;
}

struct probe_site probe_site_choose(uint16_t machine, const uint8_t *code, size_t code_bytes)
{
	const struct probe_site entry = {0, PROBE_SITE_STEPPED};
	struct code c = {code, code_bytes};

	if (machine != EM_X86_64)
		return entry;
	while ((size_t)(c.bytes - code) <= PROBE_SITE_REACH_BYTES) {
		struct instruction in;

		if (starts_with_endbr64(&c)) {
			c = (struct code){c.bytes + 4, c.left - 4};
			continue;
		}
		in = decode(&c);
		if (!in.length_bytes)
			return entry;
		if (in.form->emulated != PROBE_SITE_STEPPED)
			return (struct probe_site){(uint32_t)(c.bytes - code), in.form->emulated};
		if (is_argument(in.written))
			return entry;
		c = (struct code){c.bytes + in.length_bytes, c.left - in.length_bytes};
	}
	return entry;
}

size_t probe_site_instruction(const uint8_t *code, size_t code_bytes,
			      enum probe_site_kind *ret_kind)
{
	struct instruction in = decode(&(struct code){code, code_bytes});

	if (in.length_bytes)
		*ret_kind = in.form->emulated;
	return in.length_bytes;
}

const char *probe_site_name(enum probe_site_kind kind)
{
	static const char *const names[] = {
#define X(name, text) [PROBE_SITE_##name] = text,
		PROBE_SITES(X)
#undef X
	};

	return kind < PROBE_SITE_MAX ? names[kind] : "unknown";
}
