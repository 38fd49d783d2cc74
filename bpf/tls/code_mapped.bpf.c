// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files that a process maps as code, reported at the time of the mapping. Hook:
 * perf_event_mmap(vma), which the kernel calls after each mmap, exec or mprotect that makes a
 * mapping; returns at once unless it is code. Context: the mapping process. Emits struct
 * weft_mapping into a ring of its own, which the loader reads. May lose records: counted in
 * mapped_lost, and the loader then scans all processes. Needs BPF trampolines. */
#include "bpf/lib/maps.bpf.h"

#define VM_EXEC	   4 /* include/linux/mm.h */
#define MINOR_BITS 20

static __always_inline void mapping_lost(void)
{
	__u32 zero = 0;
	__u64 *lost = bpf_map_lookup_elem(&mapped_lost, &zero);

	if (lost)
		__sync_fetch_and_add(lost, 1);
}

SEC("?fentry/perf_event_mmap")
int BPF_PROG(code_mapped, struct vm_area_struct *vma)
{
	struct file *file = vma->vm_file;
	struct weft_mapping *m;
	struct inode *inode;
	__u32 device;

	if (!(vma->vm_flags & VM_EXEC) || !file)
		return 0;
	m = bpf_ringbuf_reserve(&mapped_ring, sizeof(*m), 0);
	if (!m) {
		mapping_lost();
		return 0;
	}
	inode = file->f_inode;
	device = inode->i_sb->s_dev;
	m->start = vma->vm_start;
	m->end = vma->vm_end;
	m->inode = inode->i_ino;
	m->generation = inode->i_generation;
	m->device_major = device >> MINOR_BITS;
	m->device_minor = device & ((1u << MINOR_BITS) - 1);
	m->pid = bpf_get_current_pid_tgid() >> 32;
	m->pad = 0;
	m->name[0] = 0;
	bpf_probe_read_kernel_str(m->name, sizeof(m->name), file->f_path.dentry->d_name.name);
	bpf_ringbuf_submit(m, 0);
	return 0;
}
