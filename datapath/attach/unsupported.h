/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TLS libraries by the names of their files, and what it means when they cannot be probed. */
#pragma once

/* The sentence for the file at |path|, NULL if its name is none of a TLS library. */
const char *unsupported_reason(const char *path);
