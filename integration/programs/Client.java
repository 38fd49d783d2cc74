// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Java's HttpClient, whose TLS is its own: java Client.java VERSION(1|2) REQUESTS CONCURRENCY BASE-URL PATHS-FILE
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Semaphore;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

public class Client {
	public static void main(String[] arguments) throws Exception {
		int requests = Integer.parseInt(arguments[1]);
		Semaphore open = new Semaphore(Integer.parseInt(arguments[2]));
		int places = open.availablePermits();
		List<String> paths = Files.readAllLines(Path.of(arguments[4]));
		Map<Integer, Integer> codes = new ConcurrentSkipListMap<>();
		HttpClient client = HttpClient.newBuilder().sslContext(trusting())
			.version(arguments[0].equals("2") ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1).build();

		for (int i = 0; i < requests; i++) {
			URI uri = URI.create(arguments[3] + paths.get(i % paths.size()));
			open.acquire();
			client.sendAsync(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.discarding())
				.whenComplete((response, error) -> {
					codes.merge(error == null ? response.statusCode() : -1, 1, Integer::sum);
					open.release();
				});
		}
		open.acquire(places);
		StringBuilder text = new StringBuilder();
		codes.forEach((code, count) -> text.append(text.length() == 0 ? "" : ",").append("\"" + code + "\":" + count));
		System.out.println("RESULT {\"codes\":{" + text + "}}");
		System.exit(0);
	}

	static SSLContext trusting() throws Exception {
		SSLContext context = SSLContext.getInstance("TLS");
		context.init(null, new TrustManager[] { new X509ExtendedTrustManager() {
			public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
			public void checkClientTrusted(X509Certificate[] c, String a) { }
			public void checkServerTrusted(X509Certificate[] c, String a) { }
			public void checkClientTrusted(X509Certificate[] c, String a, java.net.Socket s) { }
			public void checkServerTrusted(X509Certificate[] c, String a, java.net.Socket s) { }
			public void checkClientTrusted(X509Certificate[] c, String a, SSLEngine e) { }
			public void checkServerTrusted(X509Certificate[] c, String a, SSLEngine e) { }
		} }, new SecureRandom());
		return context;
	}
}
