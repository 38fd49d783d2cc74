// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* TLS libraries are told by content: in files of the distribution, in programs that the compiler
 * links here, and in what looks like them and is none. */
#include "datapath/attach/tls/stack_marks.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/opensslv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define PIECE_BYTES (64 << 10)

static char dir[] = "/tmp/weft-stacks-XXXXXX";

/* ---- files as they are read */

struct whole {
	uint8_t *bytes;
	size_t size_bytes;
};

static struct whole file_map(const char *path)
{
	int fd cleanup_close = open(path, O_RDONLY | O_CLOEXEC);
	struct whole w = {0};
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !st.st_size)
		return w;
	w.bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(w.bytes != MAP_FAILED);
	w.size_bytes = (size_t)st.st_size;
	return w;
}

/* Looks at the ranges in pieces. Whether TLS is named. */
static bool look(const struct whole *w, const struct stack_ranges *r, struct stack_marks *ret)
{
	bool named = false;

	for (unsigned i = 0; i < r->count; i++) {
		uint64_t end = r->at[i].offset + r->at[i].size_bytes;

		assert_true(end <= w->size_bytes);
		for (uint64_t at = r->at[i].offset; at < end; at += PIECE_BYTES) {
			size_t n = end - at < PIECE_BYTES + STACK_OVERLAP_BYTES
					   ? end - at
					   : PIECE_BYTES + STACK_OVERLAP_BYTES;

			named |= stack_names_tls(w->bytes + at, n);
			stack_marks_look(ret, w->bytes + at, n);
		}
	}
	return named;
}

/* "go 1.19.8, rustls 0.20.8"; "" for none; NULL if the file is not there. */
static const char *stacks_of(const char *path)
{
	static char text[256];
	struct whole w = file_map(path);
	struct stack_marks marks = {0};
	struct stack_ranges ranges;
	struct tls_stacks s = {0};

	if (!w.bytes)
		return NULL;
	assert_true(stack_ranges_find(
		w.bytes, w.size_bytes < STACK_HEAD_BYTES ? w.size_bytes : STACK_HEAD_BYTES,
		&ranges));
	if (look(&w, &ranges, &marks))
		s = stack_marks_say(&marks);
	munmap(w.bytes, w.size_bytes);
	text[0] = 0;
	for (unsigned i = 0; i < s.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s %s", i ? ", " : "",
			 tls_stack_name(s.at[i].stack), s.at[i].version);
	return text;
}

/* The first of |count| paths that is there. */
static const char *stacks_of_first(const char *const *paths, size_t count)
{
	const char *found = NULL;

	for (size_t i = 0; i < count && !found; i++)
		found = stacks_of(paths[i]);
	return found;
}

/* Where a program on the PATH lies. */
static bool program_path(const char *name, char out[256])
{
	char command[300];
	FILE *f;
	bool found;

	snprintf(command, sizeof(command), "readlink -f \"$(command -v %s)\"", name);
	f = popen(command, "r");
	assert_non_null(f);
	found = fgets(out, 256, f);
	pclose(f);
	out[found ? strcspn(out, "\n") : 0] = 0;
	return out[0] == '/';
}

/* ---- files of the distribution */

#define LIBRARY(name)                                                                              \
	"/usr/lib/x86_64-linux-gnu/" name, "/usr/lib/aarch64-linux-gnu/" name, "/usr/lib64/" name, \
		"/usr/lib/" name

static void expect_begins(const char *found, const char *with)
{
	if (!found)
		skip();
	if (strncmp(found, with, strlen(with)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", found, with);
	assert_null(strchr(found, ',')); /* and nothing else */
}

static void test_gnutls(void **state)
{
	static const char *const paths[] = {LIBRARY("libgnutls.so.30")};

	(void)state;
	expect_begins(stacks_of_first(paths, 4), "gnutls 3.");
}

static void test_nss(void **state)
{
	static const char *const paths[] = {LIBRARY("libssl3.so")};

	(void)state;
	expect_begins(stacks_of_first(paths, 4), "nss 3.");
}

static void test_boringssl(void **state)
{
	static const char *const paths[] = {LIBRARY("android/libssl.so.0")};

	(void)state;
	expect_begins(stacks_of_first(paths, 4), "boringssl ");
}

static void expect_program(const char *name, const char *with)
{
	char path[256];

	if (!program_path(name, path))
		skip();
	expect_begins(stacks_of(path), with);
}

static void test_go(void **state)
{
	(void)state;
	expect_program("go", "go go1.");
	expect_program("prometheus", "go go1.");
}

static void test_rustls(void **state)
{
	char path[256];
	const char *found = program_path("tldr", path) ? stacks_of(path) : "";

	(void)state;
	if (!found[0]) /* Debian 13 builds it with OpenSSL */
		skip();
	expect_begins(found, "rustls 0.");
}

static void test_none(void **state)
{
	static const char *const programs[] = {"bash", "curl", "nginx", "readlink", "gcc"};
	static const char *const libraries[] = {LIBRARY("libcrypto.so.3"), LIBRARY("libc.so.6"),
						LIBRARY("libnss3.so"), LIBRARY("libcurl.so.4")};
	char path[256];

	(void)state;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (program_path(programs[i], path))
			assert_string_equal(stacks_of(path), "");
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
		const char *found = stacks_of(libraries[i]);

		assert_true(!found || !found[0]);
	}
}

/* ---- programs that are linked here */

/* Stores where the program is that |source| and |libraries| make; skips without them. */
static void link_program(const char *header, const char *source, const char *libraries,
			 char path[64])
{
	char command[1024];
	FILE *f;

	snprintf(command, sizeof(command), "command -v gcc && test -e /usr/include/%s", header);
	if (system(command) != 0)
		skip();
	snprintf(path, 64, "%s/program", dir);
	snprintf(command, sizeof(command), "gcc -x c -O1 -o %s - -x none %s && strip %s", path,
		 libraries, path);
	f = popen(command, "w");
	assert_non_null(f);
	fputs(source, f);
	assert_int_equal(pclose(f), 0);
}

#define OPENSSL_LIBRARIES "-l:libssl.a -l:libcrypto.a -lz -lzstd -ldl -lpthread"

static void test_static_openssl(void **state)
{
	char path[64];

	(void)state;
	link_program("openssl/ssl.h",
		     "#include <openssl/ssl.h>\n"
		     "int main(void) { return SSL_connect(SSL_new(SSL_CTX_new(TLS_method())))"
		     " + OpenSSL_version(0)[0]; }\n",
		     OPENSSL_LIBRARIES, path);
	expect_begins(stacks_of(path), "openssl_static 3.");
	link_program("openssl/ssl.h",
		     "#include <openssl/ssl.h>\n"
		     "int main(void) { return SSL_connect(SSL_new(SSL_CTX_new(TLS_method()))); }\n",
		     OPENSSL_LIBRARIES, path);
	/* OpenSSL 3.5 always links its version, 3.0 only where it is asked for. */
	assert_string_equal(stacks_of(path), strcmp(OPENSSL_VERSION_STR, "3.2") < 0
						     ? "openssl_static "
						     : "openssl_static " OPENSSL_VERSION_STR);
}

static void test_static_mbedtls(void **state)
{
	char path[64];

	(void)state;
	link_program("mbedtls/ssl.h",
		     "#include <mbedtls/ssl.h>\n"
		     "int main(void) { static mbedtls_ssl_context s; mbedtls_ssl_init(&s);"
		     " return mbedtls_ssl_handshake(&s); }\n",
		     "-l:libmbedtls.a -l:libmbedx509.a -l:libmbedcrypto.a", path);
	expect_begins(stacks_of(path), "mbedtls ");
}

/* ---- bytes */

static const char *stacks_in(const void *bytes, size_t size_bytes)
{
	static char text[128];
	struct stack_marks m = {0};
	struct tls_stacks s;

	stack_marks_look(&m, bytes, size_bytes);
	s = stack_marks_say(&m);
	text[0] = 0;
	for (unsigned i = 0; i < s.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s%s%s",
			 i ? ", " : "", tls_stack_name(s.at[i].stack),
			 s.at[i].version[0] ? " " : "", s.at[i].version);
	return text;
}

#define EXPECT(text, expected) assert_string_equal(stacks_in(text, sizeof(text)), expected)

static void test_openssl_versions(void **state)
{
	(void)state;
	EXPECT("\0OpenSSL 1.1.1w  11 Sep 2023\0ssl/ssl_lib.c", "openssl_1 1.1.1w");
	EXPECT("\0OpenSSL 1.0.2k-fips  26 Jan 2017\0key expansion", "openssl_1 1.0.2k-fips");
	EXPECT("\0OpenSSL 4.0.0 14 Apr 2026\0../ssl/ssl_lib.c", "openssl_static 4.0.0");
	EXPECT("\0OpenSSL 3.0 legacy provider\0OpenSSL 3.5.4 30 Sep 2025\0c hs traffic",
	       "openssl_static 3.5.4");
	/* what it was built with, and reads the key log of, is in a file of its own */
	EXPECT("\0OpenSSL 3.5.7 9 Jun 2026\0CLIENT_HANDSHAKE_TRAFFIC_SECRET\0tls13 quic key", "");
	EXPECT("\0LibreSSL 3.9.2\0ssl/ssl_lib.c", "libressl 3.9.2");
	EXPECT("\0OpenSSL 3.0 legacy provider\0curl with OpenSSL \0", "");
}

static void test_what_came_of_openssl(void **state)
{
	(void)state;
	EXPECT("\0OpenSSL 1.1.1 (compatible; BoringSSL)\0src/ssl/ssl_lib.cc", "boringssl");
	EXPECT("\0aws-lc/ssl/ssl_lib.cc\0AWS-LC 1.69.0", "aws_lc 1.69.0");
	/* only its cryptography, for another library */
	EXPECT("\0AWS-LC 5.12.0\0s2n-tls API", "s2n");
	EXPECT("\0AWS-LC 1.69.0\0/rustls-0.23.37/src/conn.rs", "rustls 0.23.37");
	EXPECT("\0OpenSSL 3.5.4 30 Sep 2025\0/rustls-0.23.37/src/conn.rs", "rustls 0.23.37");
	EXPECT("\0OpenSSL 3.5.4 30 Sep 2025\0ssl/ssl_lib.c\0/rustls-0.23.37/src/conn.rs",
	       "rustls 0.23.37, openssl_static 3.5.4");
	EXPECT("\0/tokio-rustls-0.26.4/src/common.rs\0hyper-rustls-0.27.7/src/lib.rs\0rustls.c",
	       "");
}

static void test_others(void **state)
{
	(void)state;
	EXPECT("\0wolfSSL_connect", "wolfssl");
	EXPECT("\0Mbed TLS 3.6.2\0mbedtls_ssl_setup", "mbedtls 3.6.2");
	EXPECT("\0mbedtls.c\0mbedtls_md_setup", "");
}

#define GO "\0\xff Go buildinf:"

static void test_go_versions(void **state)
{
	(void)state;
	EXPECT(GO "\x08\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x08go1.26.8\xd6\x01", "go go1.26.8");
	EXPECT(GO "\x08\x00\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "go");
	EXPECT(GO "\x08\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xffgo1.26.8", "go");
	EXPECT(GO "\0\0\0\x13\x1d'2AOZcoz\x7f\x84\x8d\x99\0\0\0\0\0\0", "");
	EXPECT(GO, "");
}

static void test_cut_anywhere(void **state)
{
	static const char text[] =
		"\0OpenSSL 1.1.1w  11 Sep 2023\0" GO
		"\x08\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x08go1.26.8\xd6\x01/rustls-0.23.37/src/x";

	(void)state;
	for (size_t n = 0; n <= sizeof(text); n++) {
		char *copy = malloc(n + 1);

		assert_non_null(copy);
		memcpy(copy, text, n < sizeof(text) ? n : sizeof(text));
		stacks_in(copy, n < sizeof(text) ? n : sizeof(text));
		free(copy);
	}
}

/* ---- segments */

struct image {
	Elf64_Ehdr header;
	Elf64_Phdr segments[3];
};

static struct image image_new(void)
{
	struct image i = {
		.header = {.e_phoff = sizeof(Elf64_Ehdr),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 3},
		.segments = {{.p_type = PT_LOAD,
			      .p_flags = PF_R | PF_X,
			      .p_offset = 100,
			      .p_filesz = 10},
			     {.p_type = PT_LOAD, .p_flags = PF_R, .p_offset = 200, .p_filesz = 20},
			     {.p_type = PT_LOAD,
			      .p_flags = PF_R | PF_W,
			      .p_offset = 300,
			      .p_filesz = 30}},
	};

	memcpy(i.header.e_ident, ELFMAG, SELFMAG);
	i.header.e_ident[EI_CLASS] = ELFCLASS64;
	i.header.e_ident[EI_DATA] =
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	return i;
}

static unsigned ranges_in(const struct image *i, struct stack_ranges *ret)
{
	*ret = (struct stack_ranges){0};
	return stack_ranges_find((const uint8_t *)i, sizeof(*i), ret) ? ret->count : 0;
}

static void test_ranges(void **state)
{
	struct image i = image_new();
	struct stack_ranges r;

	(void)state;
	assert_int_equal(ranges_in(&i, &r), 2);
	assert_int_equal(r.at[0].offset, 200);
	assert_int_equal(r.at[1].size_bytes, 30);
	i.segments[1].p_flags = PF_R | PF_W; /* constants stand between the code */
	assert_int_equal(ranges_in(&i, &r), 3);
	i.segments[1].p_filesz = UINT64_MAX;
	assert_int_equal(ranges_in(&i, &r), 1);
	assert_int_equal(r.at[0].size_bytes, STACK_FILE_MAX_BYTES);
	i.segments[1].p_offset = UINT64_MAX;
	assert_int_equal(ranges_in(&i, &r), 2);
}

static void test_no_elf(void **state)
{
	struct image i = image_new();
	struct stack_ranges r;

	(void)state;
	for (size_t n = 0; n < sizeof(i); n++)
		assert_false(stack_ranges_find((const uint8_t *)&i, n, &r));
	i.header.e_phnum = UINT16_MAX;
	assert_int_equal(ranges_in(&i, &r), 0);
	i = image_new();
	i.header.e_phoff = UINT64_MAX;
	assert_int_equal(ranges_in(&i, &r), 0);
	i = image_new();
	i.header.e_ident[EI_CLASS] = ELFCLASS32;
	assert_int_equal(ranges_in(&i, &r), 0);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/program", dir);
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gnutls),
		cmocka_unit_test(test_nss),
		cmocka_unit_test(test_boringssl),
		cmocka_unit_test(test_go),
		cmocka_unit_test(test_rustls),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_static_openssl),
		cmocka_unit_test(test_static_mbedtls),
		cmocka_unit_test(test_openssl_versions),
		cmocka_unit_test(test_what_came_of_openssl),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_go_versions),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_no_elf),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
