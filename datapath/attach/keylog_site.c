// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From the names of secrets to the instructions that load them, to the function that these call, to
 * its last jump. */
#include "datapath/attach/keylog_site.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "datapath/attach/probe_site.h"

#define SEGMENTS_MAX	 64
#define CALL_REACH_BYTES 48 /* from where a name is loaded to the call */
#define FUNCTION_BYTES	 64 /* of the function, up to its jump */
#define CHUNK_BYTES	 (64 << 10)
#define NAME_MAX_BYTES	 16 /* so much of a chunk is read again with the next */

/* A file in memory. Addresses are those of its image. */
struct image {
	const uint8_t *bytes;
	size_t size_bytes;
	const Elf64_Phdr *segments;
	unsigned segment_count;
};

/* Code at an address. */
struct code {
	const uint8_t *bytes;
	size_t left;
	uint64_t address;
};

/* ---- the file ---- */

static int file_read(int fd, uint8_t **ret, size_t *ret_bytes, struct error *err)
{
	uint8_t *bytes cleanup_free = NULL;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return error_set(err, -EIO, "cannot be read");
	if (st.st_size > KEYLOG_FILE_MAX_BYTES)
		return error_set(err, -E2BIG, "too large for a library");
	bytes = malloc((size_t)st.st_size + 1);
	if (!bytes)
		return error_set(err, -ENOMEM, "no memory");
	n = pread(fd, bytes, (size_t)st.st_size, 0);
	if (n < 0)
		return error_set(err, -EIO, "cannot be read");
	*ret = take_ptr(bytes);
	*ret_bytes = (size_t)n;
	return 0;
}

static int image_open(struct image *image, struct error *err)
{
	const Elf64_Ehdr *h = (const void *)image->bytes;

	if (image->size_bytes < sizeof(*h) || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 ||
	    h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_machine != EM_X86_64)
		return error_set(err, -ENOEXEC, "not an ELF file of this machine");
	if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum > SEGMENTS_MAX || h->e_phoff % 8 ||
	    h->e_phoff > image->size_bytes ||
	    h->e_phnum * sizeof(Elf64_Phdr) > image->size_bytes - h->e_phoff)
		return error_set(err, -ENOEXEC, "an ELF file with unusual segments");
	image->segments = (const void *)(image->bytes + h->e_phoff);
	image->segment_count = h->e_phnum;
	return 0;
}

/* The bytes of a segment in the file, empty for those that hold none. */
static struct code segment_bytes(const struct image *image, const Elf64_Phdr *p)
{
	if (p->p_type != PT_LOAD || p->p_offset > image->size_bytes ||
	    p->p_filesz > image->size_bytes - p->p_offset)
		return (struct code){0};
	return (struct code){image->bytes + p->p_offset, p->p_filesz, p->p_vaddr};
}

static bool is_code(const Elf64_Phdr *p)
{
	return p->p_flags & PF_X;
}

/* What is executed at |address|, nothing if it lies elsewhere. */
static struct code code_at(const struct image *image, uint64_t address)
{
	for (unsigned i = 0; i < image->segment_count; i++) {
		struct code c = segment_bytes(image, &image->segments[i]);
		uint64_t into = address - c.address;

		if (is_code(&image->segments[i]) && into < c.left)
			return (struct code){c.bytes + into, c.left - into, address};
	}
	return (struct code){0};
}

/* ---- the function, by its callers ---- */

static int32_t read_i32(const uint8_t *from)
{
	int32_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

/* Whether |name| with its closing NUL lies at |address|. */
static bool is_name_at(const struct image *image, uint64_t address, const char *name)
{
	size_t bytes = strlen(name) + 1;

	for (unsigned i = 0; i < image->segment_count; i++) {
		struct code c = segment_bytes(image, &image->segments[i]);
		uint64_t into = address - c.address;

		if (into < c.left && c.left - into >= bytes)
			return !memcmp(c.bytes + into, name, bytes);
	}
	return false;
}

/* The target of the first call from |c| on, 0 if something else leaves the straight way. */
static uint64_t next_call(struct code c)
{
	const uint8_t *from = c.bytes;

	while (c.bytes - from < CALL_REACH_BYTES) {
		enum probe_site_kind kind;
		size_t length = probe_site_instruction(c.bytes, c.left, &kind);

		if (!length)
			return 0;
		if (kind == PROBE_SITE_CALL)
			return c.address + length + (uint64_t)(int64_t)read_i32(c.bytes + 1);
		if (kind == PROBE_SITE_JUMP || kind == PROBE_SITE_BRANCH)
			return 0;
		c = (struct code){c.bytes + length, c.left - length, c.address + length};
	}
	return 0;
}

static bool agree(uint64_t *target, uint64_t found)
{
	if (!*target)
		*target = found;
	return *target == found;
}

/* What is called with |name| as second argument: every place that loads it must go to the same
 * function. 0 = nothing, or several. */
static uint64_t called_with(const struct image *image, const char *name)
{
	static const uint8_t load[] = {0x48, 0x8d, 0x35}; /* lea displacement(%rip),%rsi */
	const size_t load_bytes = sizeof(load) + sizeof(int32_t);
	uint64_t target = 0;

	for (unsigned i = 0; i < image->segment_count; i++) {
		struct code c = segment_bytes(image, &image->segments[i]);
		const uint8_t *end = c.bytes + c.left, *at = c.bytes;

		if (!is_code(&image->segments[i]) || c.left < load_bytes)
			continue;
		while ((at = memmem(at, (size_t)(end - at), load, sizeof(load))) &&
		       (size_t)(end - at) > load_bytes) {
			uint64_t next = c.address + (uint64_t)(at - c.bytes) + load_bytes;

			if (is_name_at(image, next + (uint64_t)(int64_t)read_i32(at + sizeof(load)),
				       name) &&
			    !agree(&target, next_call(code_at(image, next))))
				return 0;
			at += sizeof(load);
		}
	}
	return target;
}

/* ---- what the function does with its arguments ---- */

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, REGISTERS = 16 };

/* What a register holds: that which was in register |of| at the entry, or a place |of| points to,
 * or the number of bytes of a random. */
struct held {
	enum { AS_WAS, WITHIN, RANDOM_BYTES } what;
	int of;
};

static bool holds(const struct held *h, int what, int of)
{
	return (int)h->what == what && h->of == of;
}

static bool is_keylog_call(const struct held h[REGISTERS])
{
	return holds(&h[RDI], AS_WAS, RSI) && holds(&h[RSI], AS_WAS, RDI) &&
	       holds(&h[RDX], WITHIN, RDI) && holds(&h[RCX], RANDOM_BYTES, 0) &&
	       holds(&h[R8], AS_WAS, RDX) && holds(&h[R9], AS_WAS, RCX);
}

/* Does one instruction on |h|. Its length, 0 if it is none of the four kinds that such a function
 * is made of. */
static size_t step(struct held h[REGISTERS], const uint8_t *c)
{
	int reg = (c[0] & 4) << 1 | (c[2] >> 3 & 7), rm = (c[0] & 1) << 3 | (c[2] & 7);
	bool wide = (c[0] & 0xfa) == 0x48;

	if (!memcmp(c, "\xf3\x0f\x1e\xfa", 4)) /* endbr64 */
		return 4;
	if (!memcmp(c, "\xb9\x20\0\0\0", 5)) { /* mov $32,%ecx */
		h[RCX] = (struct held){RANDOM_BYTES, 0};
		return 5;
	}
	if (wide && c[1] == 0x89 && c[2] >> 6 == 3) { /* mov reg,rm */
		h[rm] = h[reg];
		return 3;
	}
	if (wide && c[1] == 0x8d && c[2] >> 6 == 2 && (rm & 7) != RSP &&
	    h[rm].what == AS_WAS) { /* lea displacement(rm),reg */
		h[reg] = (struct held){WITHIN, h[rm].of};
		return 7;
	}
	return 0;
}

/* The jump with which the function goes on to its writer, as an offset; 0 if it does anything
 * else. */
static size_t find_jump(const struct code *c)
{
	struct held h[REGISTERS];
	size_t at = 0, length;

	for (int i = 0; i < REGISTERS; i++)
		h[i] = (struct held){AS_WAS, i};
	if (c->left < FUNCTION_BYTES)
		return 0;
	while (at + 8 <= FUNCTION_BYTES && (length = step(h, c->bytes + at)))
		at += length;
	return at + 8 <= FUNCTION_BYTES && c->bytes[at] == 0xe9 && is_keylog_call(h) ? at : 0;
}

/* ---- public ---- */

int keylog_site_find(int fd, uint64_t *ret_offset, struct error *err)
{
	uint8_t *bytes cleanup_free = NULL;
	struct image image = {0};
	struct code function;
	uint64_t target;
	size_t jump;
	int r = file_read(fd, &bytes, &image.size_bytes, err);

	if (r)
		return r;
	image.bytes = bytes;
	r = image_open(&image, err);
	if (r)
		return r;
	target = called_with(&image, "EXPORTER_SECRET");
	if (!target || target != called_with(&image, "CLIENT_RANDOM"))
		return error_set(err, -ENOENT, "no key log that is known");
	function = code_at(&image, target);
	jump = find_jump(&function);
	if (!jump)
		return error_set(err, -ENOENT, "a key log that is built in another way");
	*ret_offset = (uint64_t)(function.bytes - bytes) + jump;
	return 0;
}

bool keylog_names_tls(int fd)
{
	static const char *const names[] = {"key expansion", "c hs traffic"};
	uint8_t *chunk cleanup_free = malloc(CHUNK_BYTES);
	ssize_t n;

	for (off_t at = 0; chunk && at < TLS_TEXT_MAX_BYTES; at += CHUNK_BYTES - NAME_MAX_BYTES) {
		n = pread(fd, chunk, CHUNK_BYTES, at);
		for (size_t i = 0; n > 0 && i < sizeof(names) / sizeof(names[0]); i++)
			if (memmem(chunk, (size_t)n, names[i], strlen(names[i])))
				return true;
		if (n < CHUNK_BYTES)
			return false;
	}
	return false;
}
