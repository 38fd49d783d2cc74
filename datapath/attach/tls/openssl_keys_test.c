// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Secrets of real programs' handshakes, compared byte by byte with their key logs: taken where
 * libssl logs them, and where libcrypto derives them. Needs root. */
#include "datapath/attach/tls/keys_log_test.h"

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <sys/wait.h>

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
	expect_facts(0x0303, fx.derive_only ? WEFT_DIGEST_SHA384 : 0);
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

#define GET "{ printf 'GET / HTTP/1.0\\r\\n\\r\\n'; sleep 0.3; } | "

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
		print_message("node: no secret (does this node export " OPENSSL_DERIVE "?)\n");
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
	"$K -kdfopt pass:password -kdfopt salt:saltsaltsaltsalt -kdfopt iter:1000 PBKDF2; } "
	">/dev/null";

static void test_password_hashing(void **state)
{
	(void)state;
	need("openssl");
	run(hashing_script);
	assert_int_equal(fx.count, 0);
}

/* One derivation with all its parameters in the call, as libssl does it. NULL values
 * are left out. */
struct derivation {
	const char *kdf;
	const char *prefix;
	const char *label;
	const char *purpose; /* first seed */
	size_t key_bytes;
};

static uint8_t key_bytes[64] = {7}, server_random[32] = {1}, client_random[32] = {2};

static OSSL_PARAM text_param(const char *name, const char *value)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)value, strlen(value));
}

static size_t fill_params(const struct derivation *d, OSSL_PARAM *p)
{
	bool prf = d->purpose;
	size_t n = 0;

	p[n++] = OSSL_PARAM_construct_utf8_string("digest", (char *)(uintptr_t)"SHA2-256", 0);
	p[n++] = OSSL_PARAM_construct_octet_string(prf ? "secret" : "key", key_bytes, d->key_bytes);
	if (d->prefix)
		p[n++] = text_param("prefix", d->prefix);
	if (d->label)
		p[n++] = text_param("label", d->label);
	if (prf) {
		p[n++] = text_param("seed", d->purpose);
		p[n++] = OSSL_PARAM_construct_octet_string("seed", server_random, 32);
		p[n++] = OSSL_PARAM_construct_octet_string("seed", client_random, 32);
	}
	return n;
}

static int derive(const struct derivation *d)
{
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, d->kdf, NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[10];
	uint8_t out[16];
	size_t n = fill_params(d, params);

	if (!d->purpose)
		params[n++] = OSSL_PARAM_construct_int("mode", &mode);
	params[n] = OSSL_PARAM_construct_end();
	return ctx && EVP_KDF_derive(ctx, out, sizeof(out), params) > 0 ? 0 : 1;
}

/* In another process: this one is left out as the agent is. Returns how many
 * secrets were caught. */
static unsigned derive_elsewhere(const struct derivation *d)
{
	int status = 1;
	pid_t child;

	run("true");
	child = fork();
	if (child == 0)
		_exit(derive(d));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	usleep(100 * 1000);
	return fx.count;
}

static void test_label_decides(void **state)
{
	static const struct derivation tls[] = {
		{"TLS1-PRF", NULL, NULL, "key expansion", 48},
		{"TLS13-KDF", "tls13 ", "key", NULL, 32},
		{"TLS13-KDF", "tls13 ", "key", NULL, 48},
	};
	static const struct derivation others[] = {
		{"TLS1-PRF", NULL, NULL, "key expansioN", 48},
		{"TLS1-PRF", NULL, NULL, "key expansion ", 48},
		{"TLS1-PRF", NULL, NULL, "master secret", 48},
		{"TLS1-PRF", NULL, NULL, "key expansion", 32},
		{"TLS13-KDF", "mine13", "key", NULL, 32},
		{"TLS13-KDF", "tls13 ", "kez", NULL, 32},
		{"TLS13-KDF", "tls13 ", "finished", NULL, 32},
		{"TLS13-KDF", "tls13 ", "c hs traffic", NULL, 32},
		{"TLS13-KDF", "tls13 ", "key", NULL, 16},
		{"TLS13-KDF", "tls13 ", "key", NULL, 64},
		{"HKDF", NULL, NULL, NULL, 32},
	};

	(void)state;
	need("true");
	for (size_t i = 0; i < sizeof(tls) / sizeof(tls[0]); i++) {
		assert_int_equal(derive_elsewhere(&tls[i]), 1);
		assert_int_equal(fx.caught[0].secret_bytes, tls[i].key_bytes);
		assert_memory_equal(fx.caught[0].secret, key_bytes, tls[i].key_bytes);
		assert_int_equal(fx.caught[0].server_random[0], tls[i].purpose ? 1 : 0);
		assert_int_equal(fx.caught[0].client_random[0], tls[i].purpose ? 2 : 0);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (derive_elsewhere(&others[i]))
			fail_msg("caught: %s %s", others[i].kdf,
				 others[i].label ? others[i].label : others[i].purpose);
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

/* Programs with the usual libraries: each secret once, and nothing of libcrypto is probed. */
static void test_derivations_are_left_alone(void **state)
{
	(void)state;
	need("curl");
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(derive_elsewhere(&(struct derivation){"TLS13-KDF", "tls13 ", "key",
								       NULL, 32}),
				 0);
}

static int setup_derive_only(void **state)
{
	fx.derive_only = true;
	return setup(state);
}

#define HANDSHAKES                                                                                 \
	cmocka_unit_test(test_curl_tls13), cmocka_unit_test(test_curl_tls13_sha256),               \
		cmocka_unit_test(test_curl_tls12), cmocka_unit_test(test_nginx),                   \
		cmocka_unit_test(test_resumption_tls13), cmocka_unit_test(test_resumption_tls12),  \
		cmocka_unit_test(test_early_data), cmocka_unit_test(test_key_update),              \
		cmocka_unit_test(test_node), cmocka_unit_test(test_python),                        \
		cmocka_unit_test(test_password_hashing), cmocka_unit_test(test_switched_off),      \
		cmocka_unit_test(test_own_process)

int main(void)
{
	const struct CMUnitTest log[] = {
		HANDSHAKES,
		cmocka_unit_test(test_derivations_are_left_alone),
	};
	const struct CMUnitTest derive[] = {
		HANDSHAKES,
		cmocka_unit_test(test_label_decides),
	};
	int failed = cmocka_run_group_tests_name("openssl_keys: log", log, setup, teardown);

	return failed + cmocka_run_group_tests_name("openssl_keys: derive", derive,
						    setup_derive_only, teardown);
}
