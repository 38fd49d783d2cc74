// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A table of marks (identifying strings), and the text required around each. */
#include "datapath/attach/tls/stack_marks.h"

#include <ctype.h>
#include <elf.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#if __BYTE_ORDER == __LITTLE_ENDIAN
#define NATIVE_DATA ELFDATA2LSB
#else
#define NATIVE_DATA ELFDATA2MSB
#endif

/* ---- ranges */

static bool is_elf(const uint8_t *head, size_t head_bytes, Elf64_Ehdr *ret)
{
	if (head_bytes < sizeof(*ret))
		return false;
	memcpy(ret, head, sizeof(*ret));
	return !memcmp(ret->e_ident, ELFMAG, SELFMAG) && ret->e_ident[EI_CLASS] == ELFCLASS64 &&
	       ret->e_ident[EI_DATA] == NATIVE_DATA && ret->e_phentsize == sizeof(Elf64_Phdr) &&
	       ret->e_phoff <= head_bytes &&
	       ret->e_phnum <= (head_bytes - ret->e_phoff) / sizeof(Elf64_Phdr);
}

/* Adds the segments with code, or those without. Returns whether one of them is read-only. */
static bool ranges_add(struct stack_ranges *r, const uint8_t *table, unsigned count, bool code)
{
	bool constant = false;
	uint64_t left = STACK_FILE_MAX_BYTES;
	Elf64_Phdr p;

	for (unsigned i = 0; i < r->count; i++)
		left -= r->at[i].size_bytes;
	for (unsigned i = 0; i < count && r->count < STACK_RANGES_MAX && left; i++) {
		memcpy(&p, table + i * sizeof(p), sizeof(p));
		if (p.p_type != PT_LOAD || !p.p_filesz || p.p_offset > INT64_MAX / 2 ||
		    code != !!(p.p_flags & PF_X))
			continue;
		r->at[r->count].offset = p.p_offset;
		r->at[r->count].size_bytes = p.p_filesz < left ? p.p_filesz : left;
		left -= r->at[r->count++].size_bytes;
		constant |= !(p.p_flags & (PF_W | PF_X));
	}
	return constant;
}

bool stack_ranges_find(const uint8_t *head, size_t head_bytes, struct stack_ranges *ret)
{
	Elf64_Ehdr h;

	if (!is_elf(head, head_bytes, &h))
		return false;
	ret->count = 0;
	if (!ranges_add(ret, head + h.e_phoff, h.e_phnum, false))
		ranges_add(ret, head + h.e_phoff, h.e_phnum, true);
	return ret->count;
}

/* ---- whether there is TLS */

bool stack_names_tls(const uint8_t *piece, size_t piece_bytes)
{
	static const char *const names[] = {"c hs traffic", "key expansion",
					    "CLIENT_HANDSHAKE_TRAFFIC_SECRET"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (memmem(piece, piece_bytes, names[i], strlen(names[i])))
			return true;
	return false;
}

/* ---- marks */

enum mark {
	MARK_GO,
	MARK_RUSTLS,
	MARK_OPENSSL,	   /* the version of its libcrypto */
	MARK_OPENSSL_FILE, /* its libssl */
	MARK_BORING_FILE,  /* that of BoringSSL and its derivatives */
	MARK_AWS_LC,
	MARK_LIBRESSL,
	MARK_GNUTLS,
	MARK_NSS,
	MARK_MBEDTLS,
	MARK_WOLFSSL,
	MARK_S2N,
	MARK_LABEL, /* labels of TLS key derivation: names of a key log alone are also in programs
		       that read such logs */
	MARK_MAX
};
_Static_assert((int)MARK_MAX <= (int)TLS_STACK_MAX, "there is a version for each mark");

/* Text after a mark. */
struct rest {
	const uint8_t *at;
	size_t left;
};

/* Checks the text after a mark; stores a version. */
typedef bool mark_check(struct rest r, char version[TLS_STACK_VERSION_MAX]);

static bool rest_take(struct rest *r, const char *text)
{
	size_t bytes = strlen(text);

	if (r->left < bytes || memcmp(r->at, text, bytes) != 0)
		return false;
	r->at += bytes;
	r->left -= bytes;
	return true;
}

/* Takes a version: digits, letters, dots and dashes, beginning with a digit. False: none, or too
 * long. */
static bool take_version(struct rest *r, char version[TLS_STACK_VERSION_MAX])
{
	size_t n = 0;

	if (!r->left || !isdigit(r->at[0]))
		return false;
	while (n < r->left && (isalnum(r->at[n]) || r->at[n] == '.' || r->at[n] == '-'))
		n++;
	if (n == r->left || n >= TLS_STACK_VERSION_MAX)
		return false;
	memcpy(version, r->at, n);
	version[n] = 0;
	r->at += n;
	r->left -= n;
	return true;
}

static bool take_digits(struct rest *r, size_t least, size_t most)
{
	size_t n = 0;

	while (n < r->left && n < most && isdigit(r->at[n]))
		n++;
	r->at += n;
	r->left -= n;
	return n >= least;
}

static bool take_month(struct rest *r)
{
	if (r->left < 5 || r->at[0] != ' ' || !isupper(r->at[1]) || !islower(r->at[2]) ||
	    !islower(r->at[3]) || r->at[4] != ' ')
		return false;
	r->at += 5;
	r->left -= 5;
	return true;
}

static bool check_none(struct rest r, char version[TLS_STACK_VERSION_MAX])
{
	(void)r;
	(void)version;
	return true;
}

/* The end of a text. */
static bool check_end(struct rest r, char version[TLS_STACK_VERSION_MAX])
{
	(void)version;
	return r.left && !r.at[0];
}

static bool check_version(struct rest r, char version[TLS_STACK_VERSION_MAX])
{
	return take_version(&r, version);
}

/* "1.1.1w 11 Sep 2023": a version without a date is only a statement of compatibility by another
 * library. */
static bool check_dated(struct rest r, char version[TLS_STACK_VERSION_MAX])
{
	if (!take_version(&r, version) || !rest_take(&r, " "))
		return false;
	rest_take(&r, " ");
	return take_digits(&r, 1, 2) && take_month(&r) && take_digits(&r, 4, 4);
}

/* "0.23.37/src/": the name of a source file. */
static bool check_source(struct rest r, char version[TLS_STACK_VERSION_MAX])
{
	return take_version(&r, version) && rest_take(&r, "/src/");
}

#define GO_HEAD_BYTES	32 /* size of the build information's header */
#define GO_MAGIC_BYTES	14
#define GO_VERSION_HERE 2 /* flag: Go 1.18 and later; before, the version is elsewhere */

/* The format of debug/buildinfo: the size of a pointer, flags, then a length (one byte, as it is
 * short) and the version. */
static bool check_go(struct rest r, char version[TLS_STACK_VERSION_MAX])
{
	const size_t head = GO_HEAD_BYTES - GO_MAGIC_BYTES;
	size_t bytes;

	if (r.left <= head || (r.at[0] != 4 && r.at[0] != 8) || r.at[1] > 3)
		return false;
	bytes = r.at[head];
	if (!(r.at[1] & GO_VERSION_HERE) || bytes > r.left - head - 1)
		return true;
	if (bytes >= TLS_STACK_VERSION_MAX)
		bytes = TLS_STACK_VERSION_MAX - 1;
	for (size_t i = 0; i < bytes; i++)
		if (!isgraph(r.at[head + 1 + i]) && r.at[head + 1 + i] != ' ')
			return true;
	memcpy(version, r.at + head + 1, bytes);
	version[bytes] = 0;
	return true;
}

/* Marks are stored without their first byte, so that they are not found in weft itself. */
static const struct {
	enum mark mark;
	char first;
	const char *rest;
	mark_check *check;
} marks[] = {
	{MARK_GO, '\xff', " Go buildinf:", check_go},
	{MARK_RUSTLS, '/', "rustls-", check_source},
	{MARK_RUSTLS, '/', "rustls/src/", check_none},
	{MARK_OPENSSL, 'O', "penSSL ", check_dated},
	{MARK_OPENSSL_FILE, 's', "sl/ssl_lib.c", check_end},
	{MARK_BORING_FILE, 's', "sl/ssl_lib.cc", check_end},
	{MARK_AWS_LC, 'A', "WS-LC ", check_version},
	{MARK_LIBRESSL, 'L', "ibreSSL ", check_version},
	{MARK_GNUTLS, 'E', "nabled GnuTLS ", check_version},
	{MARK_NSS, 'V', "ersion: NSS ", check_version},
	{MARK_MBEDTLS, 'b', "edtls_ssl_", check_none},
	{MARK_MBEDTLS, 'b', "ed TLS ", check_version},
	{MARK_WOLFSSL, 'w', "olfSSL_connect", check_none},
	{MARK_S2N, 's', "2n-tls", check_none},
	{MARK_LABEL, 'c', " hs traffic", check_none},
	{MARK_LABEL, 'k', "ey expansion", check_none},
};

static void mark_look(struct stack_marks *m, size_t which, const uint8_t *piece, size_t piece_bytes)
{
	const uint8_t *end = piece + piece_bytes, *at = piece;
	size_t bytes = strlen(marks[which].rest);
	enum mark mark = marks[which].mark;

	while ((at = memmem(at, (size_t)(end - at), marks[which].rest, bytes))) {
		char version[TLS_STACK_VERSION_MAX] = "";
		struct rest r = {at + bytes, (size_t)(end - at) - bytes};
		bool is_mark = at > piece && at[-1] == (uint8_t)marks[which].first &&
			       marks[which].check(r, version);

		at += bytes;
		if (!is_mark)
			continue;
		m->met |= 1u << mark;
		if (!m->versions[mark][0])
			memcpy(m->versions[mark], version, sizeof(version));
		return;
	}
}

void stack_marks_look(struct stack_marks *m, const uint8_t *piece, size_t piece_bytes)
{
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (!(m->met & 1u << marks[i].mark) || !m->versions[marks[i].mark][0])
			mark_look(m, i, piece, piece_bytes);
}

/* ---- conclusions */

static bool met(const struct stack_marks *m, enum mark mark)
{
	return m->met & 1u << mark;
}

static void say(struct tls_stacks *s, enum tls_stack stack, const char *version)
{
	if (s->count == TLS_STACKS_IN_FILE)
		return;
	s->at[s->count].stack = (uint8_t)stack;
	snprintf(s->at[s->count++].version, TLS_STACK_VERSION_MAX, "%s", version);
}

/* Libraries derived from OpenSSL. Their cryptography is in many files, also for use by other TLS
 * libraries; the name of a source file of libssl is only in files that speak TLS. A program may
 * contain the version it was built with (nginx, which reads key logs for QUIC); the labels tell. */
static void say_openssl(struct tls_stacks *s, const struct stack_marks *m)
{
	const char *version = m->versions[MARK_OPENSSL];

	if (met(m, MARK_BORING_FILE) && met(m, MARK_AWS_LC))
		say(s, TLS_STACK_AWS_LC, m->versions[MARK_AWS_LC]);
	else if (met(m, MARK_BORING_FILE))
		say(s, TLS_STACK_BORINGSSL, "");
	if (met(m, MARK_LIBRESSL))
		say(s, TLS_STACK_LIBRESSL, m->versions[MARK_LIBRESSL]);
	else if (met(m, MARK_OPENSSL_FILE) ||
		 (met(m, MARK_OPENSSL) && met(m, MARK_LABEL) && !s->count))
		say(s,
		    version[0] && version[0] < '3' ? TLS_STACK_OPENSSL_1 : TLS_STACK_OPENSSL_STATIC,
		    version);
}

struct tls_stacks stack_marks_say(const struct stack_marks *m)
{
	static const struct {
		enum mark mark;
		enum tls_stack stack;
	} own[] = {
		{MARK_GO, TLS_STACK_GO},	   {MARK_RUSTLS, TLS_STACK_RUSTLS},
		{MARK_GNUTLS, TLS_STACK_GNUTLS},   {MARK_NSS, TLS_STACK_NSS},
		{MARK_MBEDTLS, TLS_STACK_MBEDTLS}, {MARK_WOLFSSL, TLS_STACK_WOLFSSL},
		{MARK_S2N, TLS_STACK_S2N},
	};
	struct tls_stacks s = {0};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (met(m, own[i].mark))
			say(&s, own[i].stack, m->versions[own[i].mark]);
	say_openssl(&s, m);
	return s;
}
