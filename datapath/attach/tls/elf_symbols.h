/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds the file offset of an exported function in an untrusted ELF file. */
#pragma once

#include "base/error.h"

#include <stdint.h>

/* Files beyond these limits are refused: real files are far below, and reading stays short. */
#define ELF_SECTIONS_MAX      4096
#define ELF_SEGMENTS_MAX      256
#define ELF_SYMBOLS_MAX_BYTES (16u << 20)
#define ELF_STRINGS_MAX_BYTES (32u << 20)

struct elf_function {
	uint64_t file_offset;
	uint64_t size_bytes; /* 0 = not known */
	uint16_t machine;    /* EM_* */
};

/* Finds the function |name| in the dynamic symbol table of the ELF file |fd| (64 bit, this
 * machine's byte order; the file position may move). The file is read, never mapped: it may shrink
 * meanwhile. The function's first byte lies in an executable segment and in the file. 0 or
 *   -ENOENT   the file exports no such function
 *   -ENOLINK  it does not, but uses that of another file
 *   -ENOEXEC  not such an ELF file, or one that contradicts itself
 *   -E2BIG    beyond the bounds above
 *   -EIO, -ENOMEM
 * |ret| is untouched on failure. */
int elf_function_find(int fd, const char *name, struct elf_function *ret, struct error *err);
