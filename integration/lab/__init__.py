# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The laboratory of the integration tests: namespaces, real servers and clients, weftd beside them."""
