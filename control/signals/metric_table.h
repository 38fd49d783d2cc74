/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table of all metrics, from which exporters, documentation and dashboards are made. */
#pragma once

/* X(NAME, type, "name", "unit", collector, "help"): the unit is empty or the suffix of the name
 * (before _total); the collector (control/signals/collect.c) yields the series. The order is that
 * of the exposition. */
#define METRICS(X)                                                                                 \
	X(REQUESTS, COUNTER, "istio_requests_total", "", requests,                                 \
	  "Requests that ended, HTTP and gRPC.")                                                   \
	X(REQUEST_DURATION, HISTOGRAM, "istio_request_duration_milliseconds", "milliseconds",      \
	  requests,                                                                                \
	  "From the first byte of a request to the last byte of its response; requests with "      \
	  "unknown times are left out.")                                                           \
	X(REQUEST_BYTES, HISTOGRAM, "istio_request_bytes", "bytes", requests,                      \
	  "Body bytes of requests.")                                                               \
	X(RESPONSE_BYTES, HISTOGRAM, "istio_response_bytes", "bytes", requests,                    \
	  "Body bytes of responses.")                                                              \
	X(REQUEST_MESSAGES, COUNTER, "istio_request_messages_total", "", messages,                 \
	  "gRPC messages sent by clients.")                                                        \
	X(RESPONSE_MESSAGES, COUNTER, "istio_response_messages_total", "", messages,               \
	  "gRPC messages sent by servers.")                                                        \
	X(TCP_SENT, COUNTER, "istio_tcp_sent_bytes_total", "bytes", tcp,                           \
	  "Bytes from server to client, for both reporters, on connections that are not HTTP.")    \
	X(TCP_RECEIVED, COUNTER, "istio_tcp_received_bytes_total", "bytes", tcp,                   \
	  "Bytes from client to server, for both reporters, on connections that are not HTTP.")    \
	X(TCP_OPENED, COUNTER, "istio_tcp_connections_opened_total", "", tcp,                      \
	  "Connections that are not HTTP, counted once it is known that they are not.")            \
	X(TCP_CLOSED, COUNTER, "istio_tcp_connections_closed_total", "", tcp,                      \
	  "Connections that are not HTTP and ended.")                                              \
	X(BUILD, GAUGE, "istio_build", "", build, "1, with the version of the agent as tag.")      \
	X(REQUESTS_INCOMPLETE, COUNTER, "weft_requests_incomplete_total", "", gaps,                \
	  "Requests with something unknown, by what is missing; they are in istio_requests_total " \
	  "too.")                                                                                  \
	X(REQUESTS_IN_FLIGHT, GAUGE, "weft_requests_in_flight", "", edges,                         \
	  "Mean number of open requests over the last ten seconds, those that hang included.")     \
	X(CONNECTIONS_OPENED, COUNTER, "weft_connections_opened_total", "", edges,                 \
	  "TCP connections established, or discovered midstream.")                                 \
	X(CONNECTIONS_CLOSED, COUNTER, "weft_connections_closed_total", "", edges,                 \
	  "TCP connections that ended after they had been established.")                           \
	X(CONNECTIONS_FAILED, COUNTER, "weft_connections_failed_total", "", edges,                 \
	  "TCP connections that were never established.")                                          \
	X(CONNECTIONS_OPEN, GAUGE, "weft_connections_open", "", edges,                             \
	  "TCP connections established now.")                                                      \
	X(CONNECTION_SENT, COUNTER, "weft_connection_sent_bytes_total", "bytes", edges,            \
	  "Payload bytes from server to client, for both reporters, on all TCP connections.")      \
	X(CONNECTION_RECEIVED, COUNTER, "weft_connection_received_bytes_total", "bytes", edges,    \
	  "Payload bytes from client to server, for both reporters, on all TCP connections.")      \
	X(RETRANSMITS, COUNTER, "weft_connection_retransmits_total", "", edges,                    \
	  "Segments that the reporter's end retransmitted.")                                       \
	X(RESETS, COUNTER, "weft_connection_resets_total", "", resets,                             \
	  "Connections that ended with a reset, by the end that sent it.")                         \
	X(HANDSHAKE, HISTOGRAM, "weft_connection_handshake_seconds", "seconds", edges,             \
	  "Time of the TCP handshake.")                                                            \
	X(SRTT, HISTOGRAM, "weft_connection_srtt_seconds", "seconds", edges,                       \
	  "Smoothed round trip times, one sample per report of a connection.")                     \
	X(LISTEN_LENGTH, GAUGE, "weft_listen_queue_length", "", listeners,                         \
	  "Connections that wait for accept().")                                                   \
	X(LISTEN_LIMIT, GAUGE, "weft_listen_queue_limit", "", listeners,                           \
	  "Connections that may wait for accept() (its backlog); each socket takes one more.")     \
	X(LISTEN_DROPS, COUNTER, "weft_listen_drops_total", "", listeners,                         \
	  "SYNs and last ACKs of handshakes refused because the accept queue was full, by the "    \
	  "kernel's rule for ListenOverflows; a connection that tries again is refused again.")    \
	X(TLS_CONNECTIONS, COUNTER, "weft_tls_connections_total", "", tls,                         \
	  "TLS connections by version, cipher and whether weft could read them.")                  \
	X(VERDICTS, COUNTER, "weft_policy_verdicts_total", "", verdicts,                           \
	  "Connections and datagrams that policy or balancing refused, or a policy noted, "        \
	  "by policy (\"none\": no ALLOW policy matched), rule and workloads.")                    \
	X(CERTIFICATE, GAUGE, "weft_tls_certificate_not_after_seconds", "seconds", certificates,   \
	  "When a certificate seen in a handshake expires, in seconds since the epoch.")           \
	X(INTERFACE_PACKETS, COUNTER, "weft_interface_packets_total", "", interfaces,              \
	  "Packets counted at an interface.")                                                      \
	X(INTERFACE_BYTES, COUNTER, "weft_interface_bytes_total", "bytes", interfaces,             \
	  "Bytes (IP header and payload) counted at an interface.")                                \
	X(INTERFACE_FLOWS, GAUGE, "weft_interface_flows", "", interface_flows,                     \
	  "Flows in the kernel's flow table, by interface.")                                       \
	X(EVENTS_SEEN, COUNTER, "weft_events_seen_total", "", event_kinds,                         \
	  "Events that the kernel half wanted to deliver.")                                        \
	X(EVENTS_DELIVERED, COUNTER, "weft_events_delivered_total", "", event_kinds,               \
	  "Events that reached the agent: seen = delivered + lost.")                               \
	X(EVENTS_LOST, COUNTER, "weft_events_lost_total", "", events_lost,                         \
	  "Events that were seen and not delivered, by stage and reason.")                         \
	X(RECORDS_LOST, COUNTER, "weft_records_lost_total", "", records_lost,                      \
	  "Delivered events that became no record, by stage and reason (without undecodable "      \
	  "ones).")                                                                                \
	X(UNDECODABLE, COUNTER, "weft_undecodable_total", "", undecodable,                         \
	  "Directions of connections whose decoding failed or stopped, by reason.")                \
	X(HTTP_LENIENT, COUNTER, "weft_http_lenient_total", "", lenient,                           \
	  "HTTP/1 messages in forms that violate RFC 9112, by form and by the end that "           \
	  "sent them; ambiguous: two programs may interpret them differently (see losses.md).")    \
	X(ACCOUNT_DIFFERENCES, COUNTER, "weft_account_differences_total", "", account,             \
	  "Ends of connections whose byte counts differ from the kernel's TCP at close, by "       \
	  "what was compared (with --verify).")                                                    \
	X(ACCOUNT_UNCOMPARED, COUNTER, "weft_account_uncompared_total", "", account,               \
	  "Ends of connections that closed and were not compared, by reason (with --verify).")     \
	X(CAPTURED_PACKETS, COUNTER, "weft_capture_packets_total", "", capture,                    \
	  "TCP packets with payload that the socket hooks examined.")                              \
	X(CAPTURED_COPIED, COUNTER, "weft_capture_copied_bytes_total", "bytes", capture,           \
	  "Payload bytes copied to the agent.")                                                    \
	X(CAPTURED_SKIPPED, COUNTER, "weft_capture_skipped_bytes_total", "bytes", capture,         \
	  "Body bytes counted in the kernel and not copied.")                                      \
	X(CAPTURED_REORDERED, COUNTER, "weft_capture_reordered_packets_total", "", capture,        \
	  "Packets that arrived out of order or twice.")                                           \
	X(CAPTURED_WHOLE, COUNTER, "weft_capture_whole_directions_total", "", capture,             \
	  "Directions of connections copied whole because the kernel half could not parse their "  \
	  "framing.")                                                                              \
	X(REDIRECT_CONNECTIONS, COUNTER, "weft_redirect_connections_total", "", redirect,          \
	  "Accelerated connections: both ends are on this node and were enrolled.")                \
	X(REDIRECT_MESSAGES, COUNTER, "weft_redirect_messages_total", "", redirect,                \
	  "Messages that were redirected from socket to socket, bypassing TCP.")                   \
	X(REDIRECT_BYTES, COUNTER, "weft_redirect_bytes_total", "bytes", redirect,                 \
	  "Bytes that were redirected from socket to socket, bypassing TCP.")                      \
	X(REDIRECT_REFUSED, COUNTER, "weft_redirect_refused_total", "", redirect,                  \
	  "Sockets that were not enrolled: no room, or not unique.")                               \
	X(REDIRECT_RETURNED, COUNTER, "weft_redirect_returned_total", "", returned,                \
	  "Directions of accelerated connections that went back to TCP, by reason: late (the "     \
	  "first message came before the other end was ready), full (too much unread data), "      \
	  "stream (many messages in a row in one direction), "                                     \
	  "closed (the other end closed, or reads in a way that does not work with redirection).") \
	X(MESH_INFO, GAUGE, "weft_mesh_info", "", mesh,                                            \
	  "1, with the hash of the configuration in force.")                                       \
	X(MESH_GENERATION, GAUGE, "weft_mesh_generation", "", mesh,                                \
	  "Number of the generation of the mesh in force, 0 = none.")                              \
	X(MESH_APPLIED, COUNTER, "weft_mesh_applied_total", "", mesh, "Generations put in force.") \
	X(MESH_FAILED, COUNTER, "weft_mesh_failed_total", "", mesh,                                \
	  "Changes of the configuration that were not put in force.")                              \
	X(MESH_SUCCESS, GAUGE, "weft_mesh_last_success_timestamp_seconds", "seconds", mesh,        \
	  "When the latest generation came into force, in seconds since the epoch.")               \
	X(MESH_FAILURE, GAUGE, "weft_mesh_last_failure_timestamp_seconds", "seconds", mesh,        \
	  "When a change was last refused, in seconds since the epoch, 0 = never.")                \
	X(MESH_AHEAD, GAUGE, "weft_mesh_directory_ahead", "", mesh,                                \
	  "1 while the directory's configuration was refused and is not in force.")                \
	X(MESH_OBJECTS, GAUGE, "weft_mesh_objects", "", mesh_objects,                              \
	  "Objects of the mesh in force, by kind.")                                                \
	X(MESH_EJECTED, GAUGE, "weft_mesh_endpoints_ejected", "", mesh,                            \
	  "Endpoints that are ejected and get no new connections.")                                \
	X(MESH_EJECTIONS, COUNTER, "weft_mesh_ejections_total", "", ejections,                     \
	  "Ejections of endpoints, by reason.")                                                    \
	X(MESH_ENDED, COUNTER, "weft_mesh_connections_ended_total", "", mesh,                      \
	  "Established connections that were ended, because a policy denies them now or their "    \
	  "endpoint was ejected.")                                                                 \
	X(MESH_NOT_ENDED, COUNTER, "weft_mesh_connections_not_ended_total", "", mesh,              \
	  "Failed attempts to end an established connection; weft check shows the reason.")        \
	X(MESH_OWNER_WALKS, COUNTER, "weft_mesh_owner_walks_total", "", mesh,                      \
	  "Walks over the files of all processes to find the holders of servers' sockets.")        \
	X(MESH_OWNER_WALK_CPU, COUNTER, "weft_mesh_owner_walk_seconds_total", "seconds", mesh,     \
	  "CPU time that these walks took.")                                                       \
	X(MESH_OWNER_CHANGES, COUNTER, "weft_mesh_owner_changes_total", "", mesh,                  \
	  "Sockets that such a walk found held by another workload than before.")                  \
	X(SERVICE_CONNECTS, COUNTER, "weft_service_connects_total", "", services,                  \
	  "Connects to a service that were sent to an endpoint.")                                  \
	X(SERVICE_CONNECTIONS, GAUGE, "weft_service_connections", "", services,                    \
	  "Connections of this node's clients to a service now.")                                  \
	X(SERVICE_REFUSED, COUNTER, "weft_service_refused_total", "", refusals,                    \
	  "Connects to a service that were refused, by Envoy's response flag.")                    \
	X(OBJECTIVE_REQUESTS, COUNTER, "weft_objective_requests_total", "", objective_requests,    \
	  "Requests that an objective covers, by outcome: good, bad, or unknown if parts of "      \
	  "the exchange were not seen.")                                                           \
	X(OBJECTIVE_TARGET, GAUGE, "weft_objective_target_ratio", "ratio", objectives,             \
	  "Share of good requests that an objective promises.")                                    \
	X(OBJECTIVE_WINDOW, GAUGE, "weft_objective_window_seconds", "seconds", objectives,         \
	  "Time over which an objective holds.")                                                   \
	X(PROBES_ATTACHED, GAUGE, "weft_probes_attached", "", probes,                              \
	  "Places at which each probe is attached now.")                                           \
	X(BPF_RUN_SECONDS, COUNTER, "weft_bpf_run_seconds_total", "seconds", programs,             \
	  "Time spent in a BPF program (while the kernel's BPF statistics are on).")               \
	X(BPF_RUNS, COUNTER, "weft_bpf_runs_total", "", programs,                                  \
	  "Runs of a BPF program (while the kernel's BPF statistics are on).")                     \
	X(OBSERVED_CONNECTIONS, GAUGE, "weft_observed_connections", "", agent,                     \
	  "Entries in the agent's connection table.")                                              \
	X(IDENTITIES, GAUGE, "weft_identities", "", agent, "Identities known to the agent.")       \
	X(SERIES, GAUGE, "weft_series", "", tables, "Series kept, by table.")                      \
	X(SERIES_LIMIT, GAUGE, "weft_series_limit", "", tables, "Series that a table may hold.")   \
	X(SERIES_LIMITED, COUNTER, "weft_series_limited_total", "", tables,                        \
	  "Records counted in an overflow series, or not kept, because a table was full.")         \
	X(SERIES_EXPIRED, COUNTER, "weft_series_expired_total", "", tables,                        \
	  "Series removed because they were unused.")                                              \
	X(RING_BYTES, GAUGE, "weft_ring_size_bytes", "bytes", agent,                               \
	  "Size of the event ring (kernel memory).")                                               \
	X(RING_WAITING_MAX, GAUGE, "weft_ring_waiting_max_bytes", "bytes", agent,                  \
	  "Highest fill level of the event ring when the agent read it.")                          \
	X(RING_RESCUES, COUNTER, "weft_ring_rescues_total", "", agent,                             \
	  "Times that the ring was read with real-time priority because the agent got no CPU.")    \
	X(READER_LOST, COUNTER, "weft_reader_lost_total", "", agent,                               \
	  "Live records dropped because a reader was too slow.")                                   \
	X(CLIENTS_ENDED, COUNTER, "weft_http_clients_ended_total", "", agent,                      \
	  "HTTP clients of the agent that were disconnected: too slow, or too many.")              \
	X(PROCESS_CPU, COUNTER, "process_cpu_seconds_total", "seconds", agent,                     \
	  "User and system CPU time of the agent.")                                                \
	X(PROCESS_RSS, GAUGE, "process_resident_memory_bytes", "bytes", agent,                     \
	  "Resident memory of the agent.")                                                         \
	X(PROCESS_FDS, GAUGE, "process_open_fds", "", agent,                                       \
	  "Open file descriptors of the agent's privileged process.")                              \
	X(PROCESS_MAX_FDS, GAUGE, "process_max_fds", "", agent,                                    \
	  "Limit of file descriptors of the agent's privileged process.")                          \
	X(PROCESS_START, GAUGE, "process_start_time_seconds", "seconds", agent,                    \
	  "Start of the agent in seconds since the epoch.")                                        \
	X(LOADER_TIME, GAUGE, "weft_loader_report_timestamp_seconds", "seconds", agent,            \
	  "When the agent's privileged process last reported: interfaces, BPF programs, probes, "  \
	  "connections ended by policy, its descriptors; seconds since the epoch.")
