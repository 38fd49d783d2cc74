// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft detach`: asks a running agent to end, unpins and detaches everything, and verifies that by
 * the kernel's lists. */
#include "control/cli/command.h"

#include "base/cleanup.h"
#include "base/defaults.h"
#include "datapath/attach/lifecycle.h"
#include "datapath/attach/net/interfaces.h"
#include "datapath/attach/core/leftover.h"
#include "datapath/attach/core/pin_lock.h"
#include "datapath/attach/core/pins.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOK_US	  50000
#define END_LOOKS 200 /* polls for the end of an agent: 10 s */
#define GONE_LOOKS                                                                                 \
	100 /* polls until the kernel, which does it in the background, has released the programs  \
	     */

/* Signals the holder only if the pid is still the same process. */
static int send_signal(const char *pin_dir, const struct pin_lock_holder *holder, int number)
{
	cleanup_close int fd = (int)syscall(SYS_pidfd_open, holder->pid, 0);
	struct pin_lock_holder now = {0};
	struct pin_lock *lock;

	if (fd < 0)
		return -errno;
	if (!pin_lock_take(pin_dir, &lock, &now, NULL)) {
		pin_lock_free(lock);
		return 0;
	}
	if (now.pid != holder->pid)
		return -ESRCH;
	return syscall(SYS_pidfd_send_signal, fd, number, NULL, 0) ? -errno : 0;
}

static int wait_for_lock(const char *pin_dir, struct pin_lock **ret, struct error *err)
{
	int r = -EBUSY;

	for (int i = 0; i < END_LOOKS && r == -EBUSY; i++) {
		usleep(LOOK_US);
		r = pin_lock_take(pin_dir, ret, NULL, err);
	}
	return r;
}

/* Asks the holder of the pins to end; with |force| kills it if it does not. */
static int take_lock(const char *pin_dir, bool force, struct pin_lock **ret, struct error *err)
{
	struct pin_lock_holder holder = {0};
	int r = pin_lock_take(pin_dir, ret, &holder, err);

	if (r != -EBUSY || !holder.pid)
		return r;
	if (send_signal(pin_dir, &holder, SIGTERM))
		return r;
	r = wait_for_lock(pin_dir, ret, err);
	if (r != -EBUSY)
		return r;
	if (!force)
		return error_set(err, r, "%s (pid %d) did not end when asked; --force kills it",
				 holder.name, (int)holder.pid);
	send_signal(pin_dir, &holder, SIGKILL);
	return wait_for_lock(pin_dir, ret, err);
}

static int wait_until_gone(const struct leftover *left, struct error *err)
{
	char names[160];
	int count = 1;

	for (int i = 0; i < GONE_LOOKS && count > 0; i++) {
		count = leftover_programs(left, names, sizeof(names));
		if (count > 0)
			usleep(LOOK_US);
	}
	if (!count)
		return 0;
	if (count < 0)
		return error_set(err, count, "cannot list the kernel's programs: %s",
				 strerror(-count));
	return error_set(err, -EBUSY,
			 "the kernel still has %d programs, which some process holds: %s", count,
			 names);
}

static int detach(const char *pin_dir, struct error *err)
{
	struct leftover *left = leftover_note(pin_dir);
	int r;

	if (!left)
		return error_set(err, -ENOMEM, "no memory");
	r = interfaces_detach_all(pin_dir, err);
	if (!r || r == -ENOENT) {
		r = attach_detach(pin_dir);
		error_set(err, r, "%s", strerror(-r));
	}
	r = r ? r : wait_until_gone(left, err);
	leftover_free(left);
	return r;
}

static int command_detach(const struct context *context, const struct arguments *a)
{
	struct pin_lock *lock = NULL;
	struct error err = {0};
	int r = 0;

	if (geteuid() != 0)
		return command_fail(EXIT_FAILED, "detach needs root");
	if (pins_look(context->pin_dir, &err))
		return command_fail(EXIT_FAILED,
				    "%s: nothing was changed; --pin takes the directory that weftd "
				    "was started with, " WEFT_DEFAULT_PIN_DIR
				    " where it was started without",
				    err.text);
	if (!access(context->pin_dir, F_OK))
		r = take_lock(context->pin_dir, cli_has(a, CLI_OPTION_force), &lock, &err);
	r = r ? r : detach(context->pin_dir, &err);
	pin_lock_free(lock);
	if (r)
		return command_fail(EXIT_FAILED, "cannot detach below %s: %s", context->pin_dir,
				    err.text);
	if (!context->json)
		printf("nothing of weft is attached any more (%s)\n", context->pin_dir);
	return EXIT_FINE;
}

const struct command detach_command = {
	.name = "detach",
	.options = CLI_TAKES(force),
	.summary = "remove everything that weftd left attached",
	.help = "A weftd that runs with these pins is terminated first.\n",
	.run = command_detach};
