// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which files are probed and when: new, deleted, rewritten, unsupported, pinned
 * ones. Needs root. */
#include "datapath/attach/tls/keys_log_test.h"
#include "datapath/attach/tls/library_probe.h"

/* RUNS=100 gives a better estimate of a share. */
static unsigned run_count(void)
{
	const char *wanted = getenv("RUNS");

	return wanted ? (unsigned)strtoul(wanted, NULL, 10) : 10;
}

static struct library_counts counts(void)
{
	struct library_counts c;

	pthread_mutex_lock(&fx.watching);
	c = libraries_counts(fx.libraries);
	pthread_mutex_unlock(&fx.watching);
	return c;
}

static void visit(library_visit *visitor, void *arg)
{
	pthread_mutex_lock(&fx.watching);
	libraries_visit(fx.libraries, visitor, arg);
	pthread_mutex_unlock(&fx.watching);
}

/* A library that no process had ever mapped before. */
#define FRESH                                                                                      \
	"rm -rf lib && mkdir lib && cp -L $(ldconfig -p | awk '/lib(ssl|crypto).so.3 /{print "     \
	"$NF}') lib && "

/* Attaching takes the kernel longer than some clients their first handshake: the next one is always
 * caught. */
static void test_new_file_is_probed_at_once(void **state)
{
	unsigned first = 0, runs = run_count();

	(void)state;
	need("curl");
	for (unsigned i = 0; i < runs; i++) {
		run(SERVE("-www") FRESH "LD_LIBRARY_PATH=lib " CURL URL END);
		first += fx.count == 8; /* both ends */
		run(SERVE("-www") "LD_LIBRARY_PATH=lib " CURL URL END);
		expect_log(2, 4, 0);
	}
	assert_true(counts().released >= runs / 2);
	print_message("first handshake of a new file caught in %u of %u runs\n", first, runs);
}

/* Programs of a container: a file system that was never seen, libraries in their usual places. */
#define NEW_ROOT                                                                                   \
	"rm -rf root && mkdir -p root/bin root/usr/lib root/usr/lib64 && ln -s usr/lib usr/lib64 " \
	"root && cp -L $(command -v curl) root/bin && for f in "                                   \
	"$(ldd $(command -v curl) | grep -o '/[^ ]*'); do cp -L --parents $f root; done && "

static void test_first_program_of_a_new_root(void **state)
{
	unsigned first = 0, runs = run_count();

	(void)state;
	need("curl");
	for (unsigned i = 0; i < runs; i++) {
		run(SERVE("-www") NEW_ROOT "SSLKEYLOGFILE=log chroot root /bin/curl -sk -o out" URL
					   "&& mv root/log log" END);
		first += fx.count == 8;
	}
	print_message("first handshake of a new root caught in %u of %u runs\n", first, runs);
}

static void test_deleted_file_is_probed(void **state)
{
	(void)state;
	need("curl");
	run(SERVE("-www") FRESH "{ sleep 0.3; rm -rf lib; } & { sleep 0.6; echo Q; } | "
				"LD_LIBRARY_PATH=lib " S_CLIENT QUIETLY "; "
				"true" END);
	expect_log(2, 4, 0);
}

struct search {
	const char *part;
	struct library found;
	unsigned count;
};

static void search_visit(void *arg, const struct library *lib)
{
	struct search *s = arg;

	if (strstr(lib->path, s->part)) {
		s->found = *lib;
		s->count++;
	}
}

struct inode_search {
	ino_t inode;
	bool probed;
};

static void inode_visit(void *arg, const struct library *lib)
{
	struct inode_search *s = arg;

	s->probed |= lib->inode == s->inode && lib->state == LIBRARY_PROBED;
}

/* Looks for a probed file for up to ten seconds: by its inode, or by a part of its path. */
static bool wait_probed(ino_t inode, const char *part)
{
	for (int i = 0; i < 200; i++) {
		struct inode_search by_inode = {.inode = inode};
		struct search by_path = {.part = part};

		if (part)
			visit(search_visit, &by_path);
		else
			visit(inode_visit, &by_inode);
		if (by_inode.probed || (by_path.count && by_path.found.state == LIBRARY_PROBED))
			return true;
		usleep(50 * 1000);
	}
	return false;
}

/* A program that goes on until it is ended, however late the file that it maps is looked at. */
#define GOES_ON	   " >/dev/null 2>&1 & echo $! >pid"
#define ENDS_AGAIN "kill $(cat pid)"

/* A file system of its own, as containers have: its first program does not even use the library. */
static const char run_in_new_root[] =
	"rm -rf root && mkdir -p root/usr/lib64 root/bin && cp -L $(command -v sleep) root/bin && "
	"cp -L $(ldconfig -p | awk '/libcrypto.so.3 /{print $NF}') root/usr/lib64 && "
	"for f in $(ldd $(command -v sleep) | grep -o '/[^ ]*'); do cp -L --parents $f root; done "
	"&& { chroot root /bin/sleep 30" GOES_ON "; }";

static void test_usual_place_is_probed_before_it_is_mapped(void **state)
{
	char path[128];
	struct stat st;
	bool probed;

	(void)state;
	need("chroot");
	run(run_in_new_root);
	snprintf(path, sizeof(path), "%s/root/usr/lib64/libcrypto.so.3", fx.dir);
	assert_int_equal(stat(path, &st), 0);
	probed = wait_probed(st.st_ino, NULL);
	run(ENDS_AGAIN);
	assert_true(probed);
}

#define SERVE_WRITTEN                                                                              \
	"{ LD_LIBRARY_PATH=$T/written openssl s_server -accept 4434 -cert crt -key key "           \
	"-quiet" GOES_ON "; }"

static void expect_written_probed(const char *path)
{
	bool probed;

	run(SERVE_WRITTEN);
	probed = wait_probed(0, path);
	run(ENDS_AGAIN);
	assert_true(probed);
}

static void test_file_written_to_loses_its_probe(void **state)
{
	uint64_t before;
	char path[96];

	(void)state;
	need("openssl");
	snprintf(path, sizeof(path), "%s/written/libssl.so.3", fx.dir);
	run("rm -rf written && mkdir written && "
	    "cp -L $(ldconfig -p | awk '/lib(ssl|crypto).so.3 /{print $NF}') written");
	expect_written_probed(path);
	before = counts().rewritten;
	run("dd if=written/libssl.so.3 of=written/libssl.so.3 bs=1 count=1 conv=notrunc "
	    "2>/dev/null");
	for (int i = 0; i < 200 && counts().rewritten == before; i++)
		usleep(50 * 1000);
	assert_int_equal(counts().rewritten, before + 1);
	expect_written_probed(path);
}

/* A libssl in which the key log is not found: its own libcrypto is probed instead. */
#define UNKNOWN FRESH "sed -i s/EARLY_EXPORTER_SECRET/EARLY_EXPORTER_SECREX/ lib/libssl.so.3 && "

static void test_unknown_libssl(void **state)
{
	(void)state;
	need("curl");
	run(SERVE("-www") UNKNOWN "LD_LIBRARY_PATH=lib " CURL URL END);
	run(SERVE("-www") "LD_LIBRARY_PATH=lib " CURL URL END);
	expect_log(2, 4, 0);
}

/* It uses the libcrypto of others: no libcrypto is left alone any more, at the price of seeing
 * secrets twice. */
static void test_unknown_libssl_alone(void **state)
{
	struct logged log[LOGGED_MAX];
	unsigned n;

	(void)state;
	need("curl");
	run(SERVE("-www") UNKNOWN "rm lib/libcrypto.so.3; LD_LIBRARY_PATH=lib " CURL URL END);
	run(SERVE("-www") "LD_LIBRARY_PATH=lib " CURL URL END);
	n = read_log(log);
	assert_int_equal(n, 4);
	for (unsigned i = 0; i < n; i++) {
		unsigned found = 0;

		for (unsigned j = 0; j < fx.count; j++)
			found += is_logged(&fx.caught[j], &log[i]);
		assert_int_equal(found, 3); /* by the server's libssl too */
	}
	stop_watching();
	assert_int_equal(start_watching(), 0);
}

static void test_old_library_is_reported(void **state)
{
	struct search s = {.part = "libcrypto.so.1.1"};

	(void)state;
	need("gcc");
	run("mkdir -p old && echo 'int SSL_old(void) { return 1; }' >old.c && "
	    "gcc -shared -fPIC -o old/libcrypto.so.1.1 old.c && "
	    "{ LD_PRELOAD=$T/old/libcrypto.so.1.1 sleep 30" GOES_ON "; }");
	for (int i = 0; i < 200 && !s.count; i++) {
		visit(search_visit, &s);
		usleep(50 * 1000);
	}
	run(ENDS_AGAIN);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.found.state, LIBRARY_UNSUPPORTED);
	assert_non_null(strstr(s.found.reason, "older than OpenSSL 3"));
}

static struct library_counts rescan(const struct libraries_options *o)
{
	assert_int_equal(libraries_new(o, &fx.libraries, NULL), 0);
	assert_int_equal(libraries_scan(fx.libraries), 0);
	return libraries_counts(fx.libraries);
}

/* Pinned probes outlive their agent, the next one adopts them, and detaching removes them. */
static void check_pins(const struct libraries_options *o)
{
	struct library_counts now;

	stop_watching();
	now = rescan(o);
	assert_true(now.probed >= 1);
	assert_int_equal(now.adopted, 0);
	libraries_free(fx.libraries, true);

	run(SERVE("-www") CURL URL END);
	ring_buffer__consume(fx.ring);
	expect_log(2, 4, 0);

	now = rescan(o);
	assert_true(now.adopted >= 1);
	libraries_free(fx.libraries, true);

	assert_true(library_probe_unpin(fx.pins, NULL, NULL) >= 1);
	assert_int_equal(library_probe_unpin(fx.pins, NULL, NULL), 0);
	run(SERVE("-www") CURL URL END);
	ring_buffer__consume(fx.ring);
	assert_int_equal(fx.count, 0);
	assert_int_equal(start_watching(), 0);
}

static void test_pins(void **state)
{
	struct libraries_options o;

	(void)state;
	need("curl");
	o = options(fx.pins);
	check_pins(&o);
}

static void test_pins_without_uprobe_multi(void **state)
{
	struct libraries_options o;

	(void)state;
	need("curl");
	o = options(fx.pins);
	o.derives.multi = o.logs.multi = NULL;
	check_pins(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_file_is_probed_at_once),
		cmocka_unit_test(test_first_program_of_a_new_root),
		cmocka_unit_test(test_usual_place_is_probed_before_it_is_mapped),
		cmocka_unit_test(test_deleted_file_is_probed),
		cmocka_unit_test(test_file_written_to_loses_its_probe),
		cmocka_unit_test(test_unknown_libssl),
		cmocka_unit_test(test_unknown_libssl_alone),
		cmocka_unit_test(test_old_library_is_reported),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_pins_without_uprobe_multi),
	};

	return cmocka_run_group_tests_name("libraries", tests, setup, teardown);
}
