/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Default addresses and paths that weftd and weft share. */
#pragma once

#define WEFT_DEFAULT_LISTEN  "127.0.0.1:15090"
#define WEFT_DEFAULT_SOCKET  "/run/weft/weftd.sock"
#define WEFT_DEFAULT_PIN_DIR "/sys/fs/bpf/weft"
