/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where to probe a file that contains OpenSSL. */
#pragma once

#include "base/error.h"
#include "datapath/attach/tls/probe_site.h"
#include "datapath/attach/tls/uprobe_links.h"

#include <stdbool.h>

/* Every secret of a handshake passes through these. The first is called 21 times in a handshake, by
 * both ends, and can be probed in every build; the second five times, of which four matter, and is
 * found in known builds only (datapath/attach/tls/keylog_site.h). */
#define OPENSSL_DERIVE "EVP_KDF_derive" /* of libcrypto */
#define OPENSSL_LOG    "ssl_log_secret" /* of libssl */

enum openssl_kind {
	OPENSSL_DERIVES, /* has OPENSSL_DERIVE */
	OPENSSL_LOGS,	 /* has OPENSSL_LOG at a known place, and uses another file's libcrypto */
	OPENSSL_USES,	 /* uses another file's libcrypto for TLS, OPENSSL_LOG not found */
};

struct openssl_place {
	enum openssl_kind kind;
	const char *symbol; /* NULL for OPENSSL_USES */
	struct uprobe_places at;
	enum probe_site_kind sits_on;
};

/* Examines the ELF file |fd|. 0, or the error of elf_function_find for OPENSSL_DERIVE: it contains
 * no OpenSSL that weft knows. */
int openssl_place_find(int fd, struct openssl_place *ret, struct error *err);

/* The path of the file in the same directory as |path| with the same name, except that its prefix
 * |from| is replaced by |to|. False, and |ret| undefined, if the name has another prefix. */
bool openssl_path_beside(const char *path, const char *from, const char *to, char ret[320]);
