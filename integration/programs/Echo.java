// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Says back what it is told, with NIO selectors: Echo.java serve PORT | Echo.java ask ADDRESS PORT CONNECTIONS TIMES SIZE ...
import java.io.DataInputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Arrays;
import java.util.Random;

public class Echo {
	public static void main(String[] words) throws Exception {
		if (words[0].equals("serve"))
			serve(Integer.parseInt(words[1]));
		Thread[] all = new Thread[Integer.parseInt(words[3])];
		int[] failed = new int[1];
		for (int i = 0; i < all.length; i++) {
			all[i] = new Thread(() -> failed[0] += talk(words));
			all[i].start();
		}
		for (Thread thread : all)
			thread.join();
		System.exit(failed[0]);
	}

	static void serve(int port) throws Exception {
		Selector selector = Selector.open();
		ServerSocketChannel listener = ServerSocketChannel.open().bind(new InetSocketAddress("0.0.0.0", port));
		listener.configureBlocking(false).register(selector, SelectionKey.OP_ACCEPT);
		while (true) {
			selector.select();
			for (SelectionKey key : selector.selectedKeys()) {
				if (key.isAcceptable())
					listener.accept().configureBlocking(false).register(selector, SelectionKey.OP_READ);
				else if (key.isReadable())
					echo((SocketChannel) key.channel());
			}
			selector.selectedKeys().clear();
		}
	}

	static void echo(SocketChannel channel) throws Exception {
		ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
		if (channel.read(buffer) < 0) {
			channel.close();
			return;
		}
		buffer.flip();
		while (buffer.hasRemaining())
			channel.write(buffer);
	}

	/* Reads as much as available() says, as old programs do. */
	static int talk(String[] words) {
		try (Socket socket = new Socket(words[1], Integer.parseInt(words[2]))) {
			socket.setSoTimeout(20000);
			socket.setTcpNoDelay(true);
			DataInputStream in = new DataInputStream(socket.getInputStream());
			for (int at = 5; at < words.length; at++)
				for (int i = 0; i < Integer.parseInt(words[4]); i++) {
					byte[] sent = new byte[Integer.parseInt(words[at])], got = new byte[sent.length];
					new Random(i).nextBytes(sent);
					socket.getOutputStream().write(sent);
					got[0] = in.readByte();
					int have = 1;
					while (have < got.length)
						have += in.read(got, have, Math.min(got.length - have, Math.max(1, in.available())));
					if (!Arrays.equals(sent, got))
						throw new Exception(sent.length + " bytes came back differently");
				}
			return 0;
		} catch (Exception error) {
			System.err.println(error);
			return 1;
		}
	}
}
