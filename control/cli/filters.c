// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Options have the names of the query's keys. */
#include "control/cli/filters.h"

void filters_add(struct client_url *url, const struct arguments *a)
{
	for (int i = 0; i < a->option_count; i++)
		if ((CLI_FILTERS | CLI_TAKES(verdict)) >> a->options[i].id & 1)
			client_url_add(url, cli_option_name(a->options[i].id), a->options[i].value);
}
