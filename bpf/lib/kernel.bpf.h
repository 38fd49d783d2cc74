/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 0: kernel types. Only the fields that weft reads, relocated by CO-RE against the running
 * kernel. */
#pragma once

#include <stdbool.h>

#include "bpf/lib/uapi.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/abi.h"

#define AF_INET	    2
#define AF_INET6    10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

#define IPPROTO_UDPLITE 136
#define IPPROTO_MPTCP	262

/* include/net/tcp_states.h */
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT	2
#define TCP_SYN_RECV	3
#define TCP_FIN_WAIT1	4
#define TCP_CLOSE	7
#define TCP_CLOSE_WAIT	8
#define TCP_LAST_ACK	9
#define TCP_LISTEN	10

#define RCV_SHUTDOWN 1 /* include/net/sock.h */

#define PRESERVE __attribute__((preserve_access_index))

struct in6_addr_k {
	__u8 bytes[16];
};

struct ns_common {
	unsigned int inum;
} PRESERVE;

struct list_head {
	struct list_head *next;
} PRESERVE;

typedef struct {
	int counter;
} atomic_t;

struct netns_ipv4 {
	atomic_t dev_addr_genid;
	__u8 sysctl_tcp_syncookies;
} PRESERVE;

struct netns_ipv6 {
	atomic_t dev_addr_genid;
} PRESERVE;

typedef struct {
	unsigned int val;
} kuid_t;

struct user_namespace {
	int level; /* 0: the initial one */
	kuid_t owner;
} PRESERVE;

struct net {
	struct ns_common ns;
	struct user_namespace *user_ns;
	struct list_head dev_base_head; /* net_device.dev_list */
	unsigned int dev_base_seq;	/* incremented when a device is added, removed or renamed */
	__u64 net_cookie;
	struct netns_ipv4 ipv4;
	struct netns_ipv6 ipv6;
} PRESERVE;

struct in_ifaddr {
	struct in_ifaddr *ifa_next;
	__be32 ifa_local;
	unsigned char ifa_scope;
	__u32 ifa_flags;
} PRESERVE;

struct in_device {
	struct in_ifaddr *ifa_list;
} PRESERVE;

struct inet6_ifaddr {
	struct in6_addr_k addr;
	__u32 flags;
	struct list_head if_list;
} PRESERVE;

struct inet6_dev {
	struct list_head addr_list; /* inet6_ifaddr.if_list */
} PRESERVE;

struct net_device {
	unsigned int flags; /* IFF_* */
	unsigned long priv_flags : 32;
	struct list_head dev_list;
	struct in_device *ip_ptr;
	struct inet6_dev *ip6_ptr;
} PRESERVE;

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	unsigned char skc_ipv6only : 1;
	possible_net_t skc_net;
	struct in6_addr_k skc_v6_daddr;
	struct in6_addr_k skc_v6_rcv_saddr;
} PRESERVE;

struct sock_cgroup_data {
	struct cgroup *cgroup;
} PRESERVE;

struct sock {
	struct sock_common __sk_common;
	struct sock_cgroup_data sk_cgrp_data;
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
	int sk_err;
	__u16 sk_protocol;
	__u8 sk_shutdown;
} PRESERVE;

enum netdev_priv_flags { IFF_L3MDEV_MASTER = 1 << 18 };

struct sk_buff {
	struct net_device *dev;
	__u16 transport_header; /* both relative to skb->head */
	__u16 network_header;
} PRESERVE;

struct minmax_sample {
	__u32 t;
	__u32 v;
};

struct minmax {
	struct minmax_sample s[3];
} PRESERVE;

/* A handshake that is in progress at a listener. */
struct request_sock {
	__u8 num_timeout : 7; /* number of SYN-ACK retransmissions */
} PRESERVE;

struct inet_request_sock {
	struct request_sock req;
} PRESERVE;

struct tcp_request_sock {
	struct inet_request_sock req;
	__u32 rcv_isn;
	__u32 snt_isn;
} PRESERVE;

struct request_sock_queue {
	__u8 rskq_defer_accept;
	atomic_t qlen; /* handshakes that are not complete */
} PRESERVE;

struct inet_sock {
	__be16 inet_sport;
} PRESERVE;

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	struct request_sock_queue icsk_accept_queue;
} PRESERVE;

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 segs_in;
	__u32 data_segs_in;
	__u32 segs_out;
	__u32 data_segs_out;
	__u64 bytes_received;
	__u64 bytes_sent;
	__u64 bytes_acked;
	__u32 rcv_nxt;
	__u32 copied_seq;
	__u32 snd_nxt;
	__u32 snd_una;
	__u32 write_seq;
	__u32 srtt_us;
	__u32 total_retrans;
	struct minmax rtt_min;
	__u8 repair : 1;
} PRESERVE;

/* The socket of an MPTCP connection that the process holds; begins with a struct sock. */
struct mptcp_sock {
	__u64 write_seq;
} PRESERVE;

struct socket {
	struct sock *sk;
} PRESERVE;

struct kernfs_node {
	__u64 id;
} PRESERVE;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
} PRESERVE;

struct cgroup {
	struct cgroup_subsys_state self;
	int level; /* of the root: 0 */
	struct kernfs_node *kn;
	struct cgroup *ancestors[]; /* by level, the root first */
} PRESERVE;

struct cgroup___before_6_1 {
	__u64 ancestor_ids[];
} PRESERVE;

struct css_set {
	struct cgroup *dfl_cgrp;
} PRESERVE;

struct qstr {
	const unsigned char *name;
} PRESERVE;

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
} PRESERVE;

struct vfsmount {
	struct dentry *mnt_root;
} PRESERVE;

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} PRESERVE;

struct mnt_namespace {
	struct user_namespace *user_ns;
} PRESERVE;

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
} PRESERVE;

struct super_block {
	__u32 s_dev;
} PRESERVE;

struct inode {
	unsigned short i_mode;
	kuid_t i_uid;
	struct super_block *i_sb;
	unsigned long i_ino;
	__u32 i_generation;
} PRESERVE;

struct file {
	struct path f_path;
	struct inode *f_inode;
} PRESERVE;

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned long vm_flags;
	struct file *vm_file;
} PRESERVE;

struct mm_struct {
	struct file *exe_file;
} PRESERVE;

struct cred {
	kuid_t uid;
} PRESERVE;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
} PRESERVE;

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
} PRESERVE;

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} PRESERVE;

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	struct sock *sk;
	void *value;
} PRESERVE;

struct nsproxy {
	struct net *net_ns;
} PRESERVE;

struct task_struct {
	struct nsproxy *nsproxy;
	int pid;
	int tgid;
	__u64 start_boottime;
	char comm[16];
	struct mm_struct *mm;
	struct task_struct *group_leader;
	const struct cred *cred;
	struct css_set *cgroups;
} PRESERVE;
