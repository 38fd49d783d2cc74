// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Options and keys of the query have the same names. */
#include "control/cli/filters.h"

bool filters_add(struct client_url *url, const struct arguments *a)
{
	bool any = false;

	for (int i = 0; i < a->option_count; i++) {
		enum cli_option id = a->options[i].id;

		if (!((CLI_FILTERS | CLI_TAKES(verdict)) >> id & 1))
			continue;
		client_url_add(url, cli_option_name(id), a->options[i].value);
		any = true;
	}
	return any;
}
