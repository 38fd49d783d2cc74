// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One table, from which parser and help text are generated. */
#include "control/agent/options.h"

#include "base/version.h"
#include "base/defaults.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* X(name, "metavar" or NULL, "help") */
#define OPTIONS(X)                                                                                 \
	X(config, "DIR", "the mesh: a directory of YAML, followed while it changes")               \
	X(listen, "ADDR:PORT",                                                                     \
	  "where metrics are served (default " WEFT_DEFAULT_LISTEN ", \"\" = nowhere)")            \
	X(socket, "PATH", "where `weft` connects (default " WEFT_DEFAULT_SOCKET ")")               \
	X(pin, "DIR",                                                                              \
	  "where the kernel half is pinned (default " WEFT_DEFAULT_PIN_DIR ", \"\" = not pinned)") \
	X(interface, "NAME",                                                                       \
	  "count flows on this interface; repeatable, globs (default: all veth, bridge and "       \
	  "physical ones)")                                                                        \
	X(xdp, "MODE",                                                                             \
	  "XDP on ingress: auto (native on network cards, TC elsewhere), generic, native, off")    \
	X(tls, "keys|off", "decrypt TLS with the secrets of its handshakes (default keys)")        \
	X(accelerate, "ADDR:PORT",                                                                 \
	  "connections of this service between two local ends bypass TCP; repeatable; :PORT is "   \
	  "any address (default: none)")                                                           \
	X(l4, NULL, "connections and flows only: no payload is captured")                          \
	X(no_flows, NULL, "no packet counters on interfaces")                                      \
	X(cluster, "NAME",                                                                         \
	  "source_cluster and destination_cluster of workloads that are known (default "           \
	  "Kubernetes)")                                                                           \
	X(names, "runtime|id",                                                                     \
	  "names of containers: that of their runtime, else of the program in them; or "           \
	  "their id (default runtime)")                                                            \
	X(ring_bytes, "N", "size of the event ring, a power of two from 65536 (default 16777216)") \
	X(connections, "N", "connections kept at once (default 65536)")                            \
	X(recent, "N", "requests kept for `weft observe` (default 4096)")                          \
	X(statistics, NULL, "measure the run time of BPF programs")                                \
	X(verify, NULL,                                                                            \
	  "compare the byte counts of each connection with the kernel's counters when it closes")  \
	X(once, NULL, "attach, say ready, leave")                                                  \
	X(help, NULL, "this text")                                                                 \
	X(version, NULL, "the version")

enum option_id {
	OPTION_FIRST = 256, /* above every character that getopt_long may return */
#define X(name, ...) OPTION_##name,
	OPTIONS(X)
#undef X
};

/* Twice the size of the largest record. */
#define RING_BYTES_MIN	  65536
#define CLUSTER_MAX_BYTES 63

struct row {
	const char *name;
	const char *metavar;
	const char *help;
};

static const struct row ROWS[] = {
#define X(name, metavar, help) {#name, metavar, help},
	OPTIONS(X)
#undef X
};
#define ROW_COUNT (sizeof(ROWS) / sizeof(ROWS[0]))

/* Names in the table are C identifiers: `ring_bytes` is --ring-bytes. */
static const char *spelled(const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s", name);
	for (char *c = out; *c; c++)
		if (*c == '_')
			*c = '-';
	return out;
}

static void print_help(void)
{
	printf("usage: weftd [option ...]\n\n"
	       "Watches the services of this node from the kernel and serves their golden "
	       "signals.\n\n");
	for (size_t i = 0; i < ROW_COUNT; i++) {
		char name[32], left[64];

		snprintf(left, sizeof(left), "--%s %s", spelled(ROWS[i].name, name, sizeof(name)),
			 ROWS[i].metavar ? ROWS[i].metavar : "");
		printf("  %-24s %s\n", left, ROWS[i].help);
	}
	printf("\nexit codes: 0 fine, 1 failed, 2 usage\n"
	       "`weft detach` takes everything away that weftd left attached.\n");
}

static int mistake(const char *option, const char *value, const char *hint)
{
	fprintf(stderr, "weftd: --%s does not take \"%s\": %s\n", option, value, hint);
	return 2;
}

static bool number(const char *text, uint32_t *ret)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *end || end == text || n > UINT32_MAX)
		return false;
	*ret = (uint32_t)n;
	return true;
}

static int take_ring_bytes(struct options *o, const char *value)
{
	uint32_t n;

	if (!number(value, &n) || n < RING_BYTES_MIN || (n & (n - 1)) || n > 1u << 30)
		return mistake("ring-bytes", value, "a power of two from 65536 to 1073741824");
	o->ring_bytes = n;
	return -1;
}

/* Every dashboard shows it: an empty label is the same as a missing one. */
static int take_cluster(struct options *o, const char *value)
{
	size_t bytes =
		strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");

	if (!bytes || value[bytes] || bytes > CLUSTER_MAX_BYTES)
		return mistake("cluster", value, "1 to 63 letters, digits, '-', '.' and '_'");
	o->cluster = value;
	return -1;
}

static int take_names(struct options *o, const char *value)
{
	o->names_by_id = !strcmp(value, "id");
	return o->names_by_id || !strcmp(value, "runtime")
		       ? -1
		       : mistake("names", value, "runtime or id");
}

static int take_connections(struct options *o, const char *value)
{
	if (!number(value, &o->connections) || o->connections < 16 || o->connections > 4u << 20)
		return mistake("connections", value, "a number from 16 to 4194304");
	return -1;
}

static int take_recent(struct options *o, const char *value)
{
	if (!number(value, &o->recent) || o->recent < 16 || o->recent > 1u << 20)
		return mistake("recent", value, "a number from 16 to 1048576");
	return -1;
}

static int take_interface(struct options *o, const char *value)
{
	if (o->interface_count == OPTIONS_INTERFACES_MAX)
		return mistake("interface", value, "at most 32 of them; globs help");
	o->interfaces[o->interface_count++] = value;
	return -1;
}

static int take_accelerate(struct options *o, const char *value)
{
	if (o->accelerate_count == OPTIONS_ACCELERATE_MAX)
		return mistake("accelerate", value, "at most 64 of them");
	if (redirect_service_parse(value, &o->accelerate[o->accelerate_count]))
		return mistake("accelerate", value, "1.2.3.4:80, [::1]:80 or :80");
	o->accelerate_count++;
	return -1;
}

static int take_tls(struct options *o, const char *value)
{
	if (!strcmp(value, "keys"))
		o->tls = TLS_MODE_KEYS;
	else if (!strcmp(value, "off"))
		o->tls = TLS_MODE_OFF;
	else
		return mistake("tls", value, "keys or off");
	return -1;
}

static int take_xdp(struct options *o, const char *value)
{
	static const char *const modes[] = {"auto", "generic", "native", "off"};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(value, modes[i]) != 0)
			continue;
		o->xdp_mode = value;
		return -1;
	}
	return mistake("xdp", value, "auto, generic, native or off");
}

static int take_option(struct options *o, int id, const char *value)
{
	switch (id) {
	case OPTION_config:
		o->config_dir = value;
		return -1;
	case OPTION_listen:
		o->listen = value;
		return -1;
	case OPTION_socket:
		o->socket_path = value;
		return -1;
	case OPTION_pin:
		o->pin_dir = value;
		return -1;
	case OPTION_interface:
		return take_interface(o, value);
	case OPTION_xdp:
		return take_xdp(o, value);
	case OPTION_tls:
		return take_tls(o, value);
	case OPTION_accelerate:
		return take_accelerate(o, value);
	case OPTION_cluster:
		return take_cluster(o, value);
	case OPTION_names:
		return take_names(o, value);
	case OPTION_ring_bytes:
		return take_ring_bytes(o, value);
	case OPTION_connections:
		return take_connections(o, value);
	case OPTION_recent:
		return take_recent(o, value);
	case OPTION_l4:
		o->layer4_only = true;
		return -1;
	case OPTION_no_flows:
		o->flows = false;
		return -1;
	case OPTION_statistics:
		o->statistics = true;
		return -1;
	case OPTION_verify:
		o->verify = true;
		return -1;
	case OPTION_once:
		o->once = true;
		return -1;
	case OPTION_help:
		print_help();
		return 0;
	case OPTION_version:
		printf("weftd %s\n", WEFT_VERSION);
		return 0;
	default: /* getopt_long has said what is wrong */
		fprintf(stderr, "weftd: see weftd --help\n");
		return 2;
	}
}

int options_parse(int argc, char **argv, struct options *ret)
{
	struct option longs[ROW_COUNT + 1] = {0};
	char names[ROW_COUNT][32];
	int id, code = -1;

	*ret = (struct options){.listen = WEFT_DEFAULT_LISTEN,
				.socket_path = WEFT_DEFAULT_SOCKET,
				.pin_dir = WEFT_DEFAULT_PIN_DIR,
				.xdp_mode = "auto",
				.flows = true};
	for (size_t i = 0; i < ROW_COUNT; i++) {
		longs[i].name = spelled(ROWS[i].name, names[i], sizeof(names[i]));
		longs[i].has_arg = ROWS[i].metavar ? required_argument : no_argument;
		longs[i].val = OPTION_FIRST + 1 + (int)i;
	}
	while (code < 0 && (id = getopt_long(argc, argv, "", longs, NULL)) != -1)
		code = take_option(ret, id, optarg);
	if (code < 0 && optind < argc) {
		fprintf(stderr, "weftd: unexpected argument \"%s\"; see weftd --help\n",
			argv[optind]);
		return 2;
	}
	return code;
}
