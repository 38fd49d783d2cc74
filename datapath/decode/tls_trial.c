// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Trial decryption over the candidates of the store, each secret at most once per epoch. */
#include "datapath/decode/tls_trial.h"

#include <linux/types.h>

#include "bpf/abi.h"

#include <errno.h>
#include <openssl/crypto.h>

static bool is_tls13(const struct tls_trial *trial)
{
	return trial->which != WEFT_SECRET_MASTER;
}

/* Rules out candidates without cryptography. */
static bool may_fit(const struct tls_trial *trial, const struct tls_secret *s)
{
	size_t want = is_tls13(trial) ? tls_suite_secret_bytes(trial->suite) : TLS_MASTER_BYTES;

	if (s->secret_bytes != want)
		return false;
	return !is_tls13(trial) || !s->digest || s->digest == trial->suite->digest;
}

static int derive_traffic(const struct tls_trial *trial, const struct tls_secret *s,
			  struct tls_keys *ret)
{
	struct tls_derived *d = s->derived;
	int err;

	if (d && d->cipher_suite == trial->suite->number) {
		*ret = (struct tls_keys){.aead = trial->suite->aead, .tls13 = true};
		memcpy(ret->key, d->key, sizeof(ret->key));
		memcpy(ret->iv, d->iv, sizeof(ret->iv));
		return 0;
	}
	err = tls_keys_from_traffic(trial->suite, s->secret, ret);
	if (!err && d) {
		d->cipher_suite = trial->suite->number;
		memcpy(d->key, ret->key, sizeof(d->key));
		memcpy(d->iv, ret->iv, sizeof(d->iv));
	}
	return err;
}

static bool fits(const struct tls_trial *trial, const struct tls_secret *s, struct tls_bound *ret)
{
	struct tls_keys *keys = &ret->keys[trial->side];
	struct tls_opened opened;
	int err = is_tls13(trial)
			  ? derive_traffic(trial, s, keys)
			  : tls_keys_from_master(trial->suite, s->secret, trial->client_random,
						 trial->server_random, ret->keys);

	if (err || tls_record_open(keys, trial->record, trial->sequence, trial->text, &opened))
		return false;
	if (is_tls13(trial))
		memcpy(ret->secret, s->secret, s->secret_bytes);
	return true;
}

/* Joins what this run tried (newest to oldest) with what earlier ones did; |reached|: no hole is
 * between them. */
static void remember(struct tls_tried *tried, const struct tls_tried *run, bool reached)
{
	bool join = tried->newest && reached;

	if (!run->newest)
		return;
	if (!join || run->newest > tried->newest)
		tried->newest = run->newest;
	if (!join || run->oldest < tried->oldest)
		tried->oldest = run->oldest;
}

int tls_trial_run(const struct tls_trial *trial, struct tls_tried *tried, struct tls_bound *ret)
{
	const struct tls_secrets *from = trial->secrets;
	const struct tls_secret *s = NULL;
	struct tls_tried run = {0};
	bool reached = false;
	unsigned trials = 0;

	for (unsigned i = 0; trials < TLS_MAX_TRIALS; i++) {
		s = from->candidate(from->arg, trial->client_random, trial->which, i);
		if (s && !s->likely && s->time_ns && s->time_ns < trial->since_ns)
			s = NULL; /* too old, as all later ones are */
		if (!s)
			break;
		if (tried->newest && s->id <= tried->newest && s->id >= tried->oldest) {
			reached = true;
			if (tried->exhausted && !s->likely)
				break;
			continue;
		}
		if (may_fit(trial, s)) {
			trials++;
			if (fits(trial, s, ret)) {
				from->claim(from->arg, s->id, trial->ticket);
				return 0;
			}
		}
		if (!s->likely) {
			run.newest = run.newest ? run.newest : s->id;
			run.oldest = s->id;
		}
	}
	reached = reached || !s;
	tried->exhausted = !s || (reached && tried->exhausted);
	remember(tried, &run, reached);
	OPENSSL_cleanse(ret, sizeof(*ret));
	return -ENOENT;
}
