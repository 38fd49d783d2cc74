# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""usage: as_service.py UNIT COMMAND...

Becomes COMMAND with the limits, the file system and the capabilities that the systemd unit UNIT gives its service, where
no systemd runs. Each setting of the unit is either applied here or named in ELSEWHERE; any other one is an error."""

import ctypes
import os
import resource
import sys

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_SLAVE = 0x1000, 0x4000, 0x80000
SYS_mount_setattr = 442
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
MOUNT_ATTR_RDONLY = 1
PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 23, 24, 38

# Of linux/capability.h, in order.
CAPABILITIES = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT
SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG
WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()

# Only the service manager does these: how it starts and ends the service, accounting, and filters of system calls.
# checks/service runs the unit under a real one.
ELSEWHERE = set("""Type NotifyAccess ExecStart TimeoutStartSec Restart RestartSec RestartSteps RestartMaxDelaySec WatchdogSec OOMPolicy
MemoryMax TasksMax RestrictAddressFamilies RestrictNamespaces SystemCallFilter SystemCallArchitectures SystemCallErrorNumber
MemoryDenyWriteExecute LockPersonality RestrictSUIDSGID ProtectClock ProtectHostname ProtectKernelLogs ProtectKernelModules
ConfigurationDirectory ConfigurationDirectoryMode KeyringMode PrivateDevices PrivateIPC PrivateTmp""".split())


def settings(path):
    """{name: [values]} of the section Service."""
    found, section = {}, ""
    with open(path) as unit:
        for line in unit.read().replace("\\\n", " ").splitlines():
            line = line.strip()
            if line.startswith("["):
                section = line
            elif line and line[0] not in "#;" and section == "[Service]":
                name, value = line.split("=", 1)
                found.setdefault(name.strip(), []).append(value.strip())
    return found


def checked(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


# ---- limits


def set_limit(name, value):
    number = getattr(resource, "RLIMIT_" + name.removeprefix("Limit"))
    limit = resource.RLIM_INFINITY if value == "infinity" else int(value)
    hard = resource.getrlimit(number)[1]
    if hard != resource.RLIM_INFINITY and (limit == resource.RLIM_INFINITY or limit > hard):
        try:
            return resource.setrlimit(number, (limit, limit))
        except ValueError:  # not ours to raise; a service manager could
            limit = hard
    return resource.setrlimit(number, (limit, limit))


# ---- file system


def bind_itself(path):
    checked(libc.mount(path.encode(), path.encode(), None, MS_BIND | MS_REC, None), f"bind {path}")


def set_writable(path, writable):
    attributes = (ctypes.c_uint64 * 4)(*((0, MOUNT_ATTR_RDONLY) if writable else (MOUNT_ATTR_RDONLY, 0)), 0, 0)
    checked(libc.syscall(SYS_mount_setattr, AT_FDCWD, path.encode(), AT_RECURSIVE, attributes, ctypes.sizeof(attributes)), f"protect {path}")


def protect(unit):
    """ProtectSystem=strict with its exceptions, then what is taken away from /proc and /sys, then what the unit wants back."""
    wanted = [f"/run/{name}" for value in unit.get("RuntimeDirectory", []) for name in value.split()]
    for path in wanted:
        os.makedirs(path, exist_ok=True)
    wanted += [path.lstrip("-") for value in unit.get("ReadWritePaths", []) for path in value.split()]
    if unit.get("ProtectSystem") != ["strict"] or unit.get("ProtectHome", ["read-only"]) != ["read-only"]:
        raise ValueError("only ProtectSystem=strict with ProtectHome=read-only is known here")
    closed = [path for value in unit.get("ReadOnlyPaths", []) for path in value.split()]
    closed += ["/sys/fs/cgroup"] if unit.get("ProtectControlGroups", ["no"])[-1] == "yes" else []
    checked(libc.unshare(CLONE_NEWNS), "unshare")
    checked(libc.mount(None, b"/", None, MS_REC | MS_SLAVE, None), "make / a slave")
    for path in ["/dev", "/proc", "/sys", *closed, *wanted]:
        bind_itself(path)
    set_writable("/", False)
    for path in ["/dev", "/proc", "/sys"]:
        set_writable(path, True)
    for path in closed:
        set_writable(path, False)
    for path in wanted:
        set_writable(path, True)


# ---- rights


def bound(names):
    kept = {CAPABILITIES.index(name.removeprefix("CAP_")) for name in names}
    number = 0
    while libc.prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0:
        if number not in kept:
            checked(libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0), f"drop capability {number}")
        number += 1


APPLIED = {"RuntimeDirectory", "ReadWritePaths", "ProtectSystem", "ProtectHome", "ReadOnlyPaths",
           "ProtectControlGroups", "CapabilityBoundingSet", "NoNewPrivileges", "UMask"}


def main(path, command):
    unit = settings(path)
    unknown = [name for name in unit if name not in ELSEWHERE | APPLIED and not name.startswith("Limit")]
    if unknown:
        raise ValueError(f"{path}: {', '.join(unknown)}: neither applied here nor left to the service manager")
    for name, values in unit.items():
        if name.startswith("Limit"):
            set_limit(name, values[-1])
    protect(unit)
    os.umask(int(unit.get("UMask", ["0022"])[-1], 8))
    bound(name for value in unit["CapabilityBoundingSet"] for name in value.split())
    if unit.get("NoNewPrivileges") == ["yes"]:
        checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
