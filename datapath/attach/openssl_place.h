/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What in a file with OpenSSL inside is to be probed. */
#pragma once

#include "base/error.h"
#include "datapath/attach/probe_site.h"
#include "datapath/attach/uprobe_links.h"

#include <stdbool.h>

/* Through these every secret of a handshake goes. The first is called 21 times in a handshake, by
 * both ends, and can be probed in every build; the second five times, of which four matter, and is
 * found in builds that are known (datapath/attach/keylog_site.h). */
#define OPENSSL_DERIVE "EVP_KDF_derive" /* of libcrypto */
#define OPENSSL_LOG    "ssl_log_secret" /* of libssl */

enum openssl_kind {
	OPENSSL_DERIVES, /* has OPENSSL_DERIVE */
	OPENSSL_LOGS,	 /* has OPENSSL_LOG where it is found, and the libcrypto of another file */
	OPENSSL_USES,	 /* does TLS with the libcrypto of another file, in an unknown way */
};

struct openssl_place {
	enum openssl_kind kind;
	const char *symbol; /* NULL for OPENSSL_USES */
	struct uprobe_places at;
	enum probe_site_kind sits_on;
};

/* Looks into the ELF file |fd|. 0, or what elf_function_find says of OPENSSL_DERIVE: there is
 * nothing of OpenSSL in it that weft knows. */
int openssl_place_find(int fd, struct openssl_place *ret, struct error *err);

/* The path of the file that lies beside |path| and is named as it with |to| in place of |from|,
 * which its name begins with. False, and |ret| undefined, if it does not. */
bool openssl_path_beside(const char *path, const char *from, const char *to, char ret[320]);
