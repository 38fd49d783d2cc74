// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Says back what it is told: echo serve PORT | echo splice PORT | echo ask ADDRESS PORT CONNECTIONS TIMES SIZE ...
// "splice" uses io.Copy, which reads by splice() between two TCP sockets.
package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

func number(text string) int {
	n, err := strconv.Atoi(text)
	check(err)
	return n
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func echo(connection net.Conn) {
	buffer := make([]byte, 1<<16)
	defer connection.Close()
	for {
		n, err := connection.Read(buffer)
		if n > 0 {
			connection.Write(buffer[:n])
		}
		if err != nil {
			return
		}
	}
}

func splice(connection net.Conn) {
	defer connection.Close()
	io.Copy(connection, connection)
}

func serve(port string, answer func(net.Conn)) {
	listener, err := net.Listen("tcp", ":"+port)
	check(err)
	for {
		connection, err := listener.Accept()
		check(err)
		go answer(connection)
	}
}

func talk(address string, times int, sizes []string) {
	connection, err := net.Dial("tcp", address)
	check(err)
	defer connection.Close()
	for _, word := range sizes {
		sent, got := make([]byte, number(word)), make([]byte, number(word))
		for i := 0; i < times; i++ {
			rand.Read(sent)
			check(connection.SetDeadline(time.Now().Add(20 * time.Second)))
			_, err = connection.Write(sent)
			check(err)
			_, err = io.ReadFull(connection, got)
			check(err)
			if !bytes.Equal(sent, got) {
				check(fmt.Errorf("%d bytes came back differently", len(sent)))
			}
		}
	}
}

func main() {
	var all sync.WaitGroup

	switch os.Args[1] {
	case "serve":
		serve(os.Args[2], echo)
	case "splice":
		serve(os.Args[2], splice)
	}
	for i := 0; i < number(os.Args[4]); i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			talk(net.JoinHostPort(os.Args[2], os.Args[3]), number(os.Args[5]), os.Args[6:])
		}()
	}
	all.Wait()
}
