// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Secrets of real programs' handshakes, compared byte by byte with their key logs. Needs root. */
#include "datapath/attach/libraries.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <net/if.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "bpf/abi.h"
#include "weft.skel.h"

#define CAUGHT_MAX 4096
#define LOGGED_MAX 256

static struct fixture {
	struct weft_bpf *skeleton;
	struct libraries *libraries;
	struct ring_buffer *ring;
	pthread_t pump;
	volatile bool stop;
	char dir[64];
	char pins[80];
	char cgroup[300]; /* of the test's programs; empty: cannot be told from others */
	uint64_t cgroup_id;
	pthread_mutex_t lock;
	struct weft_secret caught[CAUGHT_MAX];
	unsigned count;
} fx = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* One line of a key log (the NSS key log format). */
struct logged {
	uint8_t which;
	uint8_t client_random[32];
	uint8_t secret[64];
	size_t secret_bytes;
};

static const struct label {
	const char *name;
	uint8_t which;
} labels[] = {
	{"CLIENT_RANDOM", WEFT_SECRET_MASTER},
	{"CLIENT_HANDSHAKE_TRAFFIC_SECRET", WEFT_SECRET_CLIENT_HANDSHAKE},
	{"SERVER_HANDSHAKE_TRAFFIC_SECRET", WEFT_SECRET_SERVER_HANDSHAKE},
	{"CLIENT_TRAFFIC_SECRET_0", WEFT_SECRET_CLIENT_TRAFFIC},
	{"SERVER_TRAFFIC_SECRET_0", WEFT_SECRET_SERVER_TRAFFIC},
	{"CLIENT_EARLY_TRAFFIC_SECRET", WEFT_SECRET_CLIENT_EARLY},
};

/* ---- fixture ---- */

static int on_record(void *arg, void *data, size_t size_bytes)
{
	const struct weft_secret *s = data;

	(void)arg;
	if (size_bytes < sizeof(*s) || s->event.kind != WEFT_EVENT_SECRET)
		return 0;
	if (fx.cgroup_id && s->cgroup_id != fx.cgroup_id)
		return 0;
	pthread_mutex_lock(&fx.lock);
	if (fx.count < CAUGHT_MAX)
		fx.caught[fx.count++] = *s;
	pthread_mutex_unlock(&fx.lock);
	return 0;
}

static void *pump(void *arg)
{
	struct pollfd fds[] = {
		{.fd = libraries_fd(fx.libraries), .events = POLLIN},
		{.fd = ring_buffer__epoll_fd(fx.ring), .events = POLLIN},
	};

	(void)arg;
	while (!fx.stop) {
		poll(fds, 2, 20);
		if (fds[0].revents)
			libraries_handle(fx.libraries);
		ring_buffer__consume(fx.ring);
	}
	return NULL;
}

static int load(void)
{
	struct bpf_program *p;

	fx.skeleton = weft_bpf__open();
	if (!fx.skeleton)
		return -1;
	bpf_object__for_each_program(p, fx.skeleton->obj)
		bpf_program__set_autoload(p, p == fx.skeleton->progs.tls_keys);
	bpf_program__set_autoload(fx.skeleton->progs.tls_keys_multi, uprobe_multi_supported());
	return weft_bpf__load(fx.skeleton);
}

static int set_settings(uint32_t tls_keys, uint32_t own_pid)
{
	struct weft_settings set = {.tls_keys = tls_keys, .own_pid = own_pid};
	uint32_t zero = 0;

	return bpf_map_update_elem(bpf_map__fd(fx.skeleton->maps.weft_settings), &zero, &set, 0);
}

static struct libraries_options options(const char *pin_dir)
{
	return (struct libraries_options){
		.programs = {fx.skeleton->progs.tls_keys_multi, fx.skeleton->progs.tls_keys},
		.pin_dir = pin_dir,
	};
}

static int start_watching(void)
{
	struct libraries_options o = options(fx.pins);
	struct error err;

	if (libraries_new(&o, &fx.libraries, &err)) {
		print_error("%s\n", err.text);
		return -1;
	}
	if (libraries_scan(fx.libraries))
		return -1;
	fx.stop = false;
	return pthread_create(&fx.pump, NULL, pump, NULL);
}

static void stop_watching(void)
{
	fx.stop = true;
	pthread_join(fx.pump, NULL);
	libraries_free(fx.libraries, false);
	fx.libraries = NULL;
}

/* The servers listen on a loopback of their own. */
static int private_loopback(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd cleanup_close = -1;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) ? -1 : 0;
}

static bool find_cgroup2(char out[256])
{
	FILE *mounts cleanup_fclose = fopen("/proc/self/mounts", "re");
	char line[1024], type[64];

	while (mounts && fgets(line, sizeof(line), mounts))
		if (sscanf(line, "%*s %255s %63s", out, type) == 2 && !strcmp(type, "cgroup2"))
			return true;
	return false;
}

static int enter_cgroup(const char *dir)
{
	char path[320];
	int fd cleanup_close = -1;

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, "0", 1) == 1 ? 0 : -1;
}

/* The probe sees the whole machine: what the test started is told by its cgroup. */
static void private_cgroup(void)
{
	char root[256];
	struct stat st;

	if (!find_cgroup2(root))
		return;
	snprintf(fx.cgroup, sizeof(fx.cgroup), "%s/weft-test-%d", root, getpid());
	if (!mkdir(fx.cgroup, 0755) && !enter_cgroup(fx.cgroup) && !stat(fx.cgroup, &st))
		fx.cgroup_id = st.st_ino;
}

static void leave_cgroup(void)
{
	char *slash = strrchr(fx.cgroup, '/');

	if (!slash)
		return;
	*slash = 0;
	enter_cgroup(fx.cgroup);
	*slash = '/';
	rmdir(fx.cgroup);
}

static const char make_certificate[] = "cd $T && openssl req -x509 -newkey rsa:2048 -nodes -keyout "
				       "key -out crt -days 2 -subj /CN=localhost 2>/dev/null";

static int setup(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	libbpf_set_print(NULL);
	snprintf(fx.dir, sizeof(fx.dir), "/tmp/weft-libraries-XXXXXX");
	private_cgroup();
	if (!mkdtemp(fx.dir) || setenv("T", fx.dir, 1) || private_loopback())
		return -1;
	snprintf(fx.pins, sizeof(fx.pins), "%s/pins", fx.dir);
	if (mkdir(fx.pins, 0700) || mount("bpf", fx.pins, "bpf", 0, NULL))
		return -1;
	if (system(make_certificate) || load() || set_settings(1, (uint32_t)getpid()))
		return -1;
	fx.ring = ring_buffer__new(bpf_map__fd(fx.skeleton->maps.weft_ring), on_record, NULL, NULL);
	return fx.ring ? start_watching() : -1;
}

static int teardown(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	stop_watching();
	ring_buffer__free(fx.ring);
	weft_bpf__destroy(fx.skeleton);
	umount(fx.pins);
	leave_cgroup();
	return system("rm -rf $T") ? -1 : 0;
}

/* ---- running and comparing ---- */

static void need(const char *program)
{
	char command[128];

	snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", program);
	if (geteuid() || system(command))
		skip();
}

static void run(const char *script)
{
	char *command = NULL;

	pthread_mutex_lock(&fx.lock);
	fx.count = 0;
	pthread_mutex_unlock(&fx.lock);
	assert_true(asprintf(&command, "cd $T && rm -f log && %s", script) > 0);
	assert_int_equal(system(command), 0);
	free(command);
	usleep(100 * 1000);
}

static size_t unhex(const char *hex, uint8_t *out, size_t max)
{
	size_t n = 0;

	while (n < max && sscanf(hex + 2 * n, "%2hhx", &out[n]) == 1)
		n++;
	return n;
}

static bool parse_logged(const char *line, struct logged *l)
{
	char name[64], random[65], secret[129];

	if (sscanf(line, "%63s %64s %128s", name, random, secret) != 3)
		return false;
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		if (strcmp(name, labels[i].name))
			continue;
		memset(l, 0, sizeof(*l));
		l->which = labels[i].which;
		unhex(random, l->client_random, 32);
		l->secret_bytes = unhex(secret, l->secret, 64);
		return true;
	}
	return false;
}

/* Both ends of a handshake may write the same log. */
static bool is_new(const struct logged *log, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!memcmp(&log[i], &log[n], sizeof(log[n])))
			return false;
	return true;
}

static unsigned read_log(struct logged *out)
{
	char path[96], line[512];
	FILE *f cleanup_fclose = NULL;
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s/log", fx.dir);
	f = fopen(path, "re");
	while (f && n < LOGGED_MAX && fgets(line, sizeof(line), f))
		n += parse_logged(line, &out[n]) && is_new(out, n);
	return n;
}

static bool is_logged(const struct weft_secret *s, const struct logged *l)
{
	return s->secret_bytes == l->secret_bytes && s->which == l->which &&
	       !memcmp(s->secret, l->secret, l->secret_bytes) &&
	       (s->which != WEFT_SECRET_MASTER || !memcmp(s->client_random, l->client_random, 32));
}

/* Every logged secret was caught |ends| times, and nothing else but |unnamed| secrets was. */
static void expect_log(unsigned ends, unsigned logged_min, unsigned unnamed)
{
	struct logged log[LOGGED_MAX];
	unsigned n = read_log(log), named = 0;

	assert_true(n >= logged_min);
	for (unsigned i = 0; i < n; i++) {
		unsigned found = 0;

		for (unsigned j = 0; j < fx.count; j++)
			found += is_logged(&fx.caught[j], &log[i]);
		if (found != ends)
			fail_msg("secret of kind %u was caught %u times, not %u (%u logged, %u "
				 "caught)",
				 log[i].which, found, ends, n, fx.count);
		named += found;
	}
	assert_int_equal(fx.count, named + unnamed);
}

static void expect_facts(uint16_t version, uint8_t digest)
{
	for (unsigned j = 0; j < fx.count; j++) {
		assert_int_equal(fx.caught[j].tls_version, version);
		assert_int_equal(fx.caught[j].digest, digest);
		assert_int_not_equal(fx.caught[j].pid, 0);
		assert_int_equal(fx.caught[j].has_client_random, version == 0x0303);
	}
}

#define SERVE(arguments)                                                                           \
	"{ openssl s_server -accept 127.0.0.1:4433 -cert crt -key key -quiet " arguments           \
	" >/dev/null 2>&1 & s=$!; for i in $(seq 50); do ss -Hltn | grep -q :4433 && break; "      \
	"sleep 0.05; done; "
#define END  "; r=$?; kill $s; wait $s 2>/dev/null; exit $r; }"
#define CURL "SSLKEYLOGFILE=log curl -sk -o /dev/null "
#define URL  " https://127.0.0.1:4433/ "

/* ---- programs ---- */

static void test_curl_tls13(void **state)
{
	(void)state;
	need("curl");
	run(SERVE("-www") CURL URL END);
	expect_log(2, 4, 0);
	expect_facts(0x0304, WEFT_DIGEST_SHA384);
}

static void test_curl_tls13_sha256(void **state)
{
	(void)state;
	need("curl");
	run(SERVE("-www") CURL "--tls13-ciphers TLS_AES_128_GCM_SHA256" URL END);
	expect_log(2, 4, 0);
	expect_facts(0x0304, WEFT_DIGEST_SHA256);
}

static void test_curl_tls12(void **state)
{
	(void)state;
	need("curl");
	run(SERVE("-www") CURL "--tls-max 1.2" URL END);
	expect_log(2, 1, 0);
	expect_facts(0x0303, WEFT_DIGEST_SHA384);
}

static void test_nginx(void **state)
{
	(void)state;
	need("nginx");
	run("{ echo \"daemon off; worker_processes 1; error_log stderr; pid $T/pid; events {} http "
	    "{ access_log off; "
	    "server { listen 127.0.0.1:4433 ssl http2; ssl_protocols TLSv1.2 TLSv1.3; "
	    "ssl_certificate $T/crt; ssl_certificate_key $T/key; } }\" >conf; "
	    "nginx -p $T -c $T/conf 2>/dev/null & s=$!; "
	    "for i in $(seq 50); do ss -Hltn | grep -q :4433 && break; sleep 0.05; done; " CURL URL
	    "&& " CURL "--tls-max 1.2" URL END);
	expect_log(2, 5, 0);
}

#define S_CLIENT "openssl s_client -connect 127.0.0.1:4433 -keylogfile log "
#define QUIETLY	 " >/dev/null 2>&1"
#define GET	 "{ printf 'GET / HTTP/1.0\\r\\n\\r\\n'; sleep 0.3; } | "

static void test_resumption_tls13(void **state)
{
	(void)state;
	need("openssl");
	run(SERVE("-www") GET S_CLIENT "-sess_out sess" QUIETLY "; " GET S_CLIENT
				       "-sess_in sess >out 2>&1; "
				       "grep -q ^Reused out" END);
	expect_log(2, 8, 0);
}

static void test_resumption_tls12(void **state)
{
	(void)state;
	need("openssl");
	run(SERVE("-www") GET S_CLIENT "-tls1_2 -sess_out sess" QUIETLY "; " GET S_CLIENT
				       "-tls1_2 -sess_in sess >out 2>&1; grep -q ^Reused out" END);
	expect_log(2, 2, 0);
}

static void test_early_data(void **state)
{
	(void)state;
	need("openssl");
	run(SERVE("-early_data -max_early_data 1000") "{ echo hello; sleep 0.3; } | " S_CLIENT
						      "-sess_out sess" QUIETLY
						      "; echo early >early; { sleep 0.3; echo Q; } "
						      "| " S_CLIENT
						      "-sess_in sess -early_data early >out 2>&1; "
						      "grep -q 'Early data was accepted' out" END);
	expect_log(2, 9, 0);
}

/* HKDF-Expand-Label(secret, "traffic upd", "", length): RFC 8446 7.2 */
static void next_secret(const uint8_t *secret, size_t bytes, uint8_t *out)
{
	uint8_t info[] = "\0\0\x11tls13 traffic upd\0";
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);

	info[1] = (uint8_t)bytes;
	assert_true(EVP_PKEY_derive_init(c) > 0);
	EVP_PKEY_CTX_set_hkdf_mode(c, EVP_PKEY_HKDEF_MODE_EXPAND_ONLY);
	EVP_PKEY_CTX_set_hkdf_md(c, bytes == 48 ? EVP_sha384() : EVP_sha256());
	EVP_PKEY_CTX_set1_hkdf_key(c, secret, (int)bytes);
	EVP_PKEY_CTX_add1_hkdf_info(c, info, sizeof(info) - 1);
	assert_true(EVP_PKEY_derive(c, out, &bytes) > 0);
	EVP_PKEY_CTX_free(c);
}

static unsigned count_unnamed(const uint8_t *secret, size_t bytes)
{
	unsigned n = 0;

	for (unsigned i = 0; i < fx.count; i++)
		n += fx.caught[i].which == WEFT_SECRET_UNKNOWN &&
		     fx.caught[i].secret_bytes == bytes &&
		     !memcmp(fx.caught[i].secret, secret, bytes);
	return n;
}

static void test_key_update(void **state)
{
	struct logged log[LOGGED_MAX];
	unsigned updated = 0;

	(void)state;
	need("openssl");
	run(SERVE("-rev") "{ sleep 0.3; echo K; sleep 0.3; echo hello; sleep 2; } | "
			  "openssl s_client -connect 127.0.0.1:4433 -keylogfile log" QUIETLY END);
	expect_log(2, 4, 4); /* both directions change keys, seen at both ends */
	for (unsigned i = 0, n = read_log(log); i < n; i++) {
		uint8_t next[64];

		if (log[i].which != WEFT_SECRET_CLIENT_TRAFFIC &&
		    log[i].which != WEFT_SECRET_SERVER_TRAFFIC)
			continue;
		next_secret(log[i].secret, log[i].secret_bytes, next);
		updated += count_unnamed(next, log[i].secret_bytes);
	}
	assert_int_equal(updated, 4);
}

static const char node_script[] =
	"const h=require(\"https\"),f=require(\"fs\");"
	"const o={key:f.readFileSync(\"key\"),cert:f.readFileSync(\"crt\")};"
	"const s=h.createServer(o,(q,r)=>r.end(\"x\")).listen(4433,\"127.0.0.1\",()=>{"
	"const "
	"g=(m,n)=>h.get({host:\"127.0.0.1\",port:4433,rejectUnauthorized:false,maxVersion:m,agent:"
	"false},"
	"r=>{r.resume();r.on(\"end\",n)});"
	"g(\"TLSv1.3\",()=>g(\"TLSv1.2\",()=>process.exit(0)));});";

static void test_node(void **state)
{
	char script[1024];

	(void)state;
	need("node");
	snprintf(script, sizeof(script), "node --tls-keylog=log -e '%s' 2>/dev/null", node_script);
	run(script);
	if (!fx.count)
		print_message("node: no secret (does this node export " LIBRARIES_SYMBOL "?)\n");
	expect_log(2, 5, 0);
}

static const char python_script[] =
	"import ssl,socket\n"
	"for v in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:\n"
	"  c=ssl.create_default_context(); c.check_hostname=False; c.verify_mode=ssl.CERT_NONE\n"
	"  c.maximum_version=v; c.keylog_filename=\"log\"\n"
	"  s=c.wrap_socket(socket.create_connection((\"127.0.0.1\",4433)))\n"
	"  s.sendall(b\"GET / HTTP/1.0\\r\\n\\r\\n\"); s.recv(100); s.close()\n";

static void test_python(void **state)
{
	char script[2048];

	(void)state;
	need("/usr/bin/python3");
	snprintf(script, sizeof(script), SERVE("-www") "/usr/bin/python3 -c '%s'" END,
		 python_script);
	run(script);
	expect_log(2, 5, 0);
}

/* ---- what must not be caught ---- */

static const char hashing_script[] =
	"/usr/bin/python3 -c 'import hashlib; "
	"hashlib.scrypt(b\"password\",salt=b\"salt\",n=1024,r=8,p=1); "
	"hashlib.pbkdf2_hmac(\"sha256\",b\"password\",b\"salt\",1000)' && "
	"K='openssl kdf -keylen 16 -kdfopt digest:SHA2-256' && "
	"{ $K -kdfopt key:key -kdfopt salt:salt -kdfopt info:label HKDF && "
	"$K -kdfopt pass:password -kdfopt salt:saltsaltsaltsalt -kdfopt iter:1000 PBKDF2 && "
	"$K -kdfopt secret:secret -kdfopt seed:mine TLS1-PRF && "
	"$K -kdfopt hexsecret:$(printf 'ab%.0s' $(seq 48)) -kdfopt seed:'key expansioN' "
	"-kdfopt hexseed:$(printf '01%.0s' $(seq 32)) -kdfopt hexseed:$(printf '02%.0s' $(seq 32)) "
	"TLS1-PRF && "
	"$K -kdfopt mode:EXPAND_ONLY -kdfopt hexkey:$(printf 'ab%.0s' $(seq 32)) -kdfopt "
	"prefix:'mine13' "
	"-kdfopt label:key TLS13-KDF && "
	"$K -kdfopt mode:EXPAND_ONLY -kdfopt hexkey:$(printf 'ab%.0s' $(seq 32)) -kdfopt "
	"prefix:'tls13 ' "
	"-kdfopt label:mine TLS13-KDF; } >/dev/null";

static void test_other_derivations(void **state)
{
	(void)state;
	need("openssl");
	run(hashing_script);
	assert_int_equal(fx.count, 0);
}

static void test_switched_off(void **state)
{
	(void)state;
	need("curl");
	set_settings(0, 0);
	run(SERVE("-www") CURL URL END);
	set_settings(1, (uint32_t)getpid());
	assert_int_equal(fx.count, 0);
}

static void test_own_process(void **state)
{
	uint8_t secret[32] = {1}, next[32];

	(void)state;
	if (geteuid())
		skip();
	run("true");
	next_secret(secret, sizeof(secret), next);
	usleep(50 * 1000);
	assert_int_equal(fx.count, 0);
}

/* ---- files ---- */

/* A library that no process had ever mapped before. */
#define FRESH                                                                                      \
	"rm -rf lib && mkdir lib && cp -L $(ldconfig -p | awk '/lib(ssl|crypto).so.3 /{print "     \
	"$NF}') lib && "

/* Attaching takes the kernel longer than some clients their first handshake: the next one is always
 * caught. */
static void test_new_file_is_probed_at_once(void **state)
{
	unsigned first = 0, runs = getenv("RUNS") ? (unsigned)atoi(getenv("RUNS")) : 10;

	(void)state;
	need("curl");
	for (unsigned i = 0; i < runs; i++) {
		run(SERVE("-www") FRESH "LD_LIBRARY_PATH=lib " CURL URL END);
		first += fx.count == 8; /* both ends */
		run(SERVE("-www") "LD_LIBRARY_PATH=lib " CURL URL END);
		expect_log(2, 4, 0);
	}
	assert_true(libraries_counts(fx.libraries).released >= runs / 2);
	print_message("first handshake of a new file caught in %u of %u runs\n", first, runs);
}

/* Programs of a container: a file system that was never seen, libraries in their usual places. */
#define NEW_ROOT                                                                                   \
	"rm -rf root && mkdir -p root/bin root/usr/lib root/usr/lib64 && ln -s usr/lib usr/lib64 " \
	"root && cp -L $(command -v curl) root/bin && for f in "                                   \
	"$(ldd $(command -v curl) | grep -o '/[^ ]*'); do cp -L --parents $f root; done && "

static void test_first_program_of_a_new_root(void **state)
{
	unsigned first = 0, runs = getenv("RUNS") ? (unsigned)atoi(getenv("RUNS")) : 10;

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

/* A file system of its own, as containers have: its first program does not even use the library. */
static const char run_in_new_root[] =
	"rm -rf root && mkdir -p root/usr/lib64 root/bin && cp -L $(command -v sleep) root/bin && "
	"cp -L $(ldconfig -p | awk '/libcrypto.so.3 /{print $NF}') root/usr/lib64 && "
	"for f in $(ldd $(command -v sleep) | grep -o '/[^ ]*'); do cp -L --parents $f root; done "
	"&& "
	"chroot root /bin/sleep 0.3";

static void test_usual_place_is_probed_before_it_is_mapped(void **state)
{
	struct inode_search s = {0};
	char path[128];
	struct stat st;

	(void)state;
	need("chroot");
	run(run_in_new_root);
	snprintf(path, sizeof(path), "%s/root/usr/lib64/libcrypto.so.3", fx.dir);
	assert_int_equal(stat(path, &st), 0);
	s.inode = st.st_ino;
	libraries_visit(fx.libraries, inode_visit, &s);
	assert_true(s.probed);
}

static void test_file_written_to_loses_its_probe(void **state)
{
	struct search s = {.part = fx.dir};

	(void)state;
	need("curl");
	run(SERVE("-www") FRESH "LD_LIBRARY_PATH=lib " CURL URL "&& sleep 0.3 && "
				"dd if=lib/libcrypto.so.3 of=lib/libcrypto.so.3 bs=1 count=1 "
				"conv=notrunc 2>/dev/null" END);
	assert_true(libraries_counts(fx.libraries).rewritten >= 1);
	libraries_visit(fx.libraries, search_visit, &s);
	run("LD_LIBRARY_PATH=lib openssl version >/dev/null; sleep 0.1");
	libraries_visit(fx.libraries, search_visit, &s);
	assert_true(s.count >= 1);
	assert_int_equal(s.found.state, LIBRARY_PROBED);
}

static void test_old_library_is_reported(void **state)
{
	struct search s = {.part = "libcrypto.so.1.1"};

	(void)state;
	need("gcc");
	run("mkdir -p old && echo 'int SSL_old(void) { return 1; }' >old.c && "
	    "gcc -shared -fPIC -o old/libcrypto.so.1.1 old.c && LD_PRELOAD=$T/old/libcrypto.so.1.1 "
	    "sleep 0.2");
	libraries_visit(fx.libraries, search_visit, &s);
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
	struct library_counts counts;

	stop_watching();
	counts = rescan(o);
	assert_true(counts.probed >= 1);
	assert_int_equal(counts.adopted, 0);
	libraries_free(fx.libraries, true);

	run(SERVE("-www") CURL URL END);
	ring_buffer__consume(fx.ring);
	expect_log(2, 4, 0);

	counts = rescan(o);
	assert_true(counts.adopted >= 1);
	libraries_free(fx.libraries, true);

	assert_true(libraries_detach_all(fx.pins) >= 1);
	assert_int_equal(libraries_detach_all(fx.pins), 0);
	run(SERVE("-www") CURL URL END);
	ring_buffer__consume(fx.ring);
	assert_int_equal(fx.count, 0);
	assert_int_equal(start_watching(), 0);
}

static void test_pins(void **state)
{
	struct libraries_options o = options(fx.pins);

	(void)state;
	need("curl");
	check_pins(&o);
}

static void test_pins_without_uprobe_multi(void **state)
{
	struct libraries_options o = options(fx.pins);

	(void)state;
	need("curl");
	o.programs.multi = NULL;
	check_pins(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_curl_tls13),
		cmocka_unit_test(test_curl_tls13_sha256),
		cmocka_unit_test(test_curl_tls12),
		cmocka_unit_test(test_nginx),
		cmocka_unit_test(test_resumption_tls13),
		cmocka_unit_test(test_resumption_tls12),
		cmocka_unit_test(test_early_data),
		cmocka_unit_test(test_key_update),
		cmocka_unit_test(test_node),
		cmocka_unit_test(test_python),
		cmocka_unit_test(test_other_derivations),
		cmocka_unit_test(test_switched_off),
		cmocka_unit_test(test_own_process),
		cmocka_unit_test(test_new_file_is_probed_at_once),
		cmocka_unit_test(test_first_program_of_a_new_root),
		cmocka_unit_test(test_usual_place_is_probed_before_it_is_mapped),
		cmocka_unit_test(test_deleted_file_is_probed),
		cmocka_unit_test(test_file_written_to_loses_its_probe),
		cmocka_unit_test(test_old_library_is_reported),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_pins_without_uprobe_multi),
	};

	return cmocka_run_group_tests_name("libraries", tests, setup, teardown);
}
