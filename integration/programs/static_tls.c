// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A server with a static OpenSSL: static_tls PORT CERTIFICATE KEY. Answers each connection's first
 * bytes and closes it. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void answer(SSL_CTX *context, int fd)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
	SSL *ssl = SSL_new(context);
	char request[4096];

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof(request)) > 0) {
		SSL_write(ssl, text, sizeof(text) - 1);
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	close(fd);
}

int main(int argc, char **argv)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (argc != 4)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	address.sin_port = htons((unsigned short)atoi(argv[1]));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (SSL_CTX_use_certificate_chain_file(context, argv[2]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, argv[3], SSL_FILETYPE_PEM) != 1 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 16))
		return 1;
	for (;;) {
		int accepted = accept(fd, NULL, NULL);

		if (accepted >= 0)
			answer(context, accepted);
	}
}
