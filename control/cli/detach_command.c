// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft detach`: unpins and detaches everything, with or without a running agent. */
#include "control/cli/command.h"

#include "datapath/attach/attach.h"
#include "datapath/attach/interfaces.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int command_detach(const struct context *context, int argc, char **argv)
{
	struct error err = {0};
	int r;

	if (argc > 1)
		return command_fail(EXIT_USAGE, "detach takes no \"%s\"", argv[1]);
	if (geteuid() != 0)
		return command_fail(EXIT_FAILED, "detach needs root");
	r = interfaces_detach_all(context->pin_dir, &err);
	if (r && r != -ENOENT)
		return command_fail(EXIT_FAILED, "cannot detach from interfaces: %s", err.text);
	r = attach_detach(context->pin_dir);
	if (r)
		return command_fail(EXIT_FAILED, "cannot detach below %s: %s", context->pin_dir,
				    strerror(-r));
	if (!context->json)
		printf("nothing of weft is attached any more (%s)\n", context->pin_dir);
	return EXIT_FINE;
}
