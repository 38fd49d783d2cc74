// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Finds the strings with the names of secrets, the instructions that load them, and the function
 * that is called with them; then follows the code from one of these calls to the call for all other
 * names. */
#include "datapath/attach/tls/keylog_site.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "datapath/attach/tls/probe_site.h"

#define SEGMENTS_MAX	   64
#define NAME_TO_CALL_STEPS 8  /* instructions between the load of a name and the call */
#define FUNCTION_BYTES	   64 /* bytes of the function, up to its jump */
#define WAY_STEPS	   64 /* instructions looked at between two calls */
#define WAYS_MAX	   8
#define CALL_BYTES	   5
#define CHUNK_BYTES	   (64 << 10)
#define NAME_MAX_BYTES	   16 /* overlap between chunks that are read */

/* A file in memory. Addresses are those of its image. */
struct image {
	const uint8_t *bytes;
	size_t size_bytes;
	const Elf64_Phdr *segments;
	unsigned segment_count;
};

/* A code range with its address. */
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

/* The code at |address|, empty if it is not in an executable segment. */
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

/* An instruction that transfers control. */
struct transfer {
	enum probe_site_kind kind; /* PROBE_SITE_STEPPED: none, or unknown code */
	struct code at;
	uint64_t next;
	uint64_t target;
};

/* The target of a branch, jump or call of |length| bytes. */
static uint64_t target_of(const struct code *c, size_t length)
{
	bool is_short = (c->bytes[0] & 0xf0) == 0x70 || c->bytes[0] == 0xeb;
	int64_t distance = is_short ? (int8_t)c->bytes[length - 1]
				    : read_i32(c->bytes + length - sizeof(int32_t));

	return c->address + length + (uint64_t)distance;
}

/* The first of them at or after |c|; |steps| counts down. */
static struct transfer next_transfer(struct code c, unsigned *steps)
{
	for (; *steps; --*steps) {
		enum probe_site_kind kind = PROBE_SITE_STEPPED;
		size_t length = probe_site_instruction(c.bytes, c.left, &kind);

		if (!length || !c.bytes)
			break;
		if (kind == PROBE_SITE_CALL || kind == PROBE_SITE_JUMP || kind == PROBE_SITE_BRANCH)
			return (struct transfer){kind, c, c.address + length,
						 target_of(&c, length)};
		c = (struct code){c.bytes + length, c.left - length, c.address + length};
	}
	return (struct transfer){.kind = PROBE_SITE_STEPPED};
}

/* Follows the code from |address|, on both sides of each branch, to the next call of |target|.
 * Other calls end a path. */
static bool find_way(const struct image *image, uint64_t address, uint64_t target, struct code *ret)
{
	uint64_t open[WAYS_MAX] = {address};
	unsigned open_count = 1, steps = WAY_STEPS;

	while (open_count && steps) {
		struct transfer t = next_transfer(code_at(image, open[--open_count]), &steps);

		if (t.kind == PROBE_SITE_CALL && t.target == target) {
			*ret = t.at;
			return true;
		}
		if (t.kind == PROBE_SITE_STEPPED || t.kind == PROBE_SITE_CALL ||
		    open_count + 2 > WAYS_MAX)
			continue;
		open[open_count++] = t.target;
		if (t.kind == PROBE_SITE_BRANCH)
			open[open_count++] = t.next; /* followed first */
		steps -= steps > 0;
	}
	return false;
}

#define CALLS_MAX 4

/* Calls of one function. */
struct calls {
	uint64_t target;
	struct code at[CALLS_MAX];
	unsigned count;
};

/* The next call in the code at |address|: of |target|, or, if that is 0, any call in straight-line
 * code. */
static bool find_call(const struct image *image, uint64_t address, uint64_t target,
		      struct code *ret)
{
	unsigned steps = NAME_TO_CALL_STEPS;
	struct transfer t;

	if (target)
		return find_way(image, address, target, ret);
	t = next_transfer(code_at(image, address), &steps);
	*ret = t.at;
	return t.kind == PROBE_SITE_CALL;
}

static bool calls_add(struct calls *calls, const struct image *image, uint64_t address)
{
	struct code at;

	if (calls->count == CALLS_MAX || !find_call(image, address, calls->target, &at))
		return false;
	calls->target = target_of(&at, CALL_BYTES);
	calls->at[calls->count++] = at;
	return true;
}

/* The calls of |target| with |name| as second argument; none if a place that loads |name| leads to
 * no such call. |target| 0: of the function that is called there. */
static struct calls called_with(const struct image *image, const char *name, uint64_t target)
{
	static const uint8_t load[] = {0x48, 0x8d, 0x35}; /* lea displacement(%rip),%rsi */
	const size_t load_bytes = sizeof(load) + sizeof(int32_t);
	struct calls calls = {.target = target};

	for (unsigned i = 0; i < image->segment_count; i++) {
		struct code c = segment_bytes(image, &image->segments[i]);
		const uint8_t *end, *at = c.bytes;

		if (!is_code(&image->segments[i]) || c.left < load_bytes)
			continue;
		end = at + c.left;
		while ((at = memmem(at, (size_t)(end - at), load, sizeof(load))) &&
		       (size_t)(end - at) > load_bytes) {
			uint64_t next = c.address + (uint64_t)(at - c.bytes) + load_bytes;
			uint64_t loaded = next + (uint64_t)(int64_t)read_i32(at + sizeof(load));

			if (is_name_at(image, loaded, name) && !calls_add(&calls, image, next))
				return (struct calls){0};
			at += sizeof(load);
		}
	}
	return calls;
}

/* An upper bound for the number of calls of, and jumps to, |target|. */
static unsigned count_calls(const struct image *image, uint64_t target)
{
	unsigned count = 0;

	for (unsigned i = 0; i < image->segment_count; i++) {
		struct code c = segment_bytes(image, &image->segments[i]);

		if (!is_code(&image->segments[i]))
			continue;
		for (size_t at = 0; at + 5 <= c.left; at++)
			if ((c.bytes[at] & 0xfe) == 0xe8 &&
			    c.address + at + 5 + (uint64_t)(int64_t)read_i32(c.bytes + at + 1) ==
				    target)
				count++;
	}
	return count;
}

/* ---- what the function does with its arguments ---- */

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, REGISTERS = 16 };

/* The symbolic value of a register: that of register |of| at entry, a pointer into where that
 * points, or the length of a random. */
struct held {
	enum { AS_WAS, WITHIN, RANDOM_BYTES } what;
	int of;
	int32_t displacement; /* of WITHIN */
};

static bool holds(const struct held *h, int what, int of)
{
	return (int)h->what == what && h->of == of;
}

static bool is_keylog_call(const struct held h[REGISTERS])
{
	return holds(&h[RDI], AS_WAS, RSI) && holds(&h[RSI], AS_WAS, RDI) &&
	       holds(&h[RDX], WITHIN, RDI) && h[RDX].displacement > 0 &&
	       holds(&h[RCX], RANDOM_BYTES, 0) && holds(&h[R8], AS_WAS, RDX) &&
	       holds(&h[R9], AS_WAS, RCX);
}

/* Executes one instruction on |h|. Returns its length, 0 if it is none of the four kinds that such
 * a function consists of. */
static size_t step(struct held h[REGISTERS], const uint8_t *c)
{
	int reg = (c[0] & 4) << 1 | (c[2] >> 3 & 7), rm = (c[0] & 1) << 3 | (c[2] & 7);
	bool wide = (c[0] & 0xfa) == 0x48;

	if (!memcmp(c, "\xf3\x0f\x1e\xfa", 4)) /* endbr64 */
		return 4;
	if (!memcmp(c, "\xb9\x20\0\0\0", 5)) { /* mov $32,%ecx */
		h[RCX] = (struct held){RANDOM_BYTES, 0, 0};
		return 5;
	}
	if (wide && c[1] == 0x89 && c[2] >> 6 == 3) { /* mov reg,rm */
		h[rm] = h[reg];
		return 3;
	}
	if (wide && c[1] == 0x8d && c[2] >> 6 == 2 && (rm & 7) != RSP &&
	    h[rm].what == AS_WAS) { /* lea displacement(rm),reg */
		h[reg] = (struct held){WITHIN, h[rm].of, read_i32(c + 3)};
		return 7;
	}
	return 0;
}

/* Whether the function goes on to
 *	nss_keylog_int(label, ssl, client_random, 32, secret, secret_bytes)
 * and does nothing else. Stores where in |ssl| the random is. */
static bool is_log_secret(const struct code *c, uint32_t *ret_random_offset_bytes)
{
	struct held h[REGISTERS];
	size_t at = 0, length;

	for (int i = 0; i < REGISTERS; i++)
		h[i] = (struct held){AS_WAS, i, 0};
	if (c->left < FUNCTION_BYTES)
		return false;
	while (at + 8 <= FUNCTION_BYTES && (length = step(h, c->bytes + at)))
		at += length;
	*ret_random_offset_bytes = (uint32_t)h[RDX].displacement;
	return at + 8 <= FUNCTION_BYTES && c->bytes[at] == 0xe9 && is_keylog_call(h);
}

/* ---- the calls ---- */

static bool is_among(const struct calls *calls, const struct code *at)
{
	for (unsigned i = 0; i < calls->count; i++)
		if (calls->at[i].address == at->address)
			return true;
	return false;
}

static void sites_add(struct keylog_sites *sites, const struct image *image, const struct code *at)
{
	sites->offsets[sites->count++] = (uint64_t)(at->bytes - image->bytes);
}

/* The calls by their names. The call for the traffic secrets has no name of its own; it follows the
 * call for the exporter secret. There must be no other call. */
static bool sites_collect(const struct image *image, struct keylog_sites *ret)
{
	const struct calls exporter = called_with(image, "EXPORTER_SECRET", 0);
	const struct calls early = called_with(image, "EARLY_EXPORTER_SECRET", exporter.target);
	const struct calls master = called_with(image, "CLIENT_RANDOM", exporter.target);
	struct calls update = called_with(image, "CLIENT_TRAFFIC_SECRET_N", exporter.target);
	const struct code function = code_at(image, exporter.target);
	struct code traffic;

	if (!update.count)
		update = called_with(image, "SERVER_TRAFFIC_SECRET_N", exporter.target);
	if (exporter.count != 1 || master.count != 1 || update.count > 1 || early.count > 1 ||
	    !is_log_secret(&function, &ret->random_offset_bytes) ||
	    !find_way(image, exporter.at[0].address + CALL_BYTES, exporter.target, &traffic))
		return false;
	if (is_among(&exporter, &traffic) || is_among(&early, &traffic) ||
	    is_among(&master, &traffic) || is_among(&update, &traffic))
		return false;
	if (count_calls(image, exporter.target) != 3 + early.count + update.count)
		return false;
	sites_add(ret, image, &traffic);
	sites_add(ret, image, &master.at[0]);
	if (update.count)
		sites_add(ret, image, &update.at[0]);
	return true;
}

/* ---- public ---- */

int keylog_sites_find(int fd, struct keylog_sites *ret, struct error *err)
{
	uint8_t *bytes cleanup_free = NULL;
	struct keylog_sites sites = {0};
	struct image image = {0};
	int r = file_read(fd, &bytes, &image.size_bytes, err);

	if (r)
		return r;
	image.bytes = bytes;
	r = image_open(&image, err);
	if (r)
		return r;
	if (!sites_collect(&image, &sites))
		return error_set(err, -ENOENT, "no key log that is known");
	*ret = sites;
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
