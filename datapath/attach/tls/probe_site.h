/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Selects the instruction for a probe at a function's entry. A probe on an instruction that the
 * kernel emulates costs a quarter of one that is single-stepped out of line. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The kind of instruction under the probe. */
#define PROBE_SITES(X)                                                                             \
	X(STEPPED, "entry, single-stepped") /* correct but slow */                                 \
	X(PUSH, "push")                                                                            \
	X(NOP, "nop")                                                                              \
	X(CALL, "call")                                                                            \
	X(JUMP, "jump")                                                                            \
	X(BRANCH, "conditional jump")

enum probe_site_kind {
#define X(name, text) PROBE_SITE_##name,
	PROBE_SITES(X)
#undef X
		PROBE_SITE_MAX
};

struct probe_site {
	uint32_t offset_bytes; /* from the function's first byte; always the first byte of an
				  instruction */
	enum probe_site_kind kind;
};

/* Maximum distance of a site from the entry. */
#define PROBE_SITE_REACH_BYTES 32

/* Selects the first instruction that every call of the function reaches, that the kernel emulates
 * (arch/x86/kernel/uprobes.c: push of a register, one-byte nop, direct call, jmp and jcc) and
 * before which none of the first four argument registers is written. |code|: the function's first
 * bytes, at most |code_bytes|; |machine| is EM_*. The entry itself, PROBE_SITE_STEPPED, if there is
 * no such instruction, for unknown instructions, and on machines other than x86-64. */
struct probe_site probe_site_choose(uint16_t machine, const uint8_t *code, size_t code_bytes);

/* The length of the x86-64 instruction at |code|, of which at most |code_bytes| are read, and its
 * kind for a probe. 0 if the decoder does not know it. */
size_t probe_site_instruction(const uint8_t *code, size_t code_bytes,
			      enum probe_site_kind *ret_kind);

const char *probe_site_name(enum probe_site_kind kind);
