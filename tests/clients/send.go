// Send each file: send BASE PLAN
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
)

func main() {
	base, network := os.Args[1], "tcp"
	if strings.HasPrefix(base, "unix:") {
		base, network = base[5:], "unix"
	}
	dial := func(context.Context, string, string) (net.Conn, error) { return net.Dial(network, base) }
	client := http.Client{Transport: &http.Transport{DialContext: dial}}
	plan, _ := os.ReadFile(os.Args[2])
	for _, line := range strings.Split(strings.TrimSpace(string(plan)), "\n") {
		path, file, _ := strings.Cut(line, "\t")
		body, _ := os.ReadFile(file)
		answer, err := client.Post("http://x"+path, "application/json", bytes.NewReader(body))
		if err != nil {
			panic(err)
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		fmt.Println(answer.StatusCode)
	}
}
