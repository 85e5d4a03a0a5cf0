//go:build opencv

package cv

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// relayOf is a relay of a server that sends so many parts of a jpeg out of that many, with a pause behind each.
func relayOf(parts, of int, pause func()) *relay {
	dial := func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			if _, err := http.ReadRequest(bufio.NewReader(theirs)); err != nil {
				return
			}
			fmt.Fprintf(theirs, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", of*len(part()))
			for range parts {
				if _, err := theirs.Write(part()); err != nil {
					return
				}
				pause()
			}
		}()
		return ours, nil
	}
	return &relay{uri: "http://server/photo.jpg", client: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

func part() []byte { return append([]byte("\xff\xd8\xff\xe0"), make([]byte, 1000)...) }

// An image had to come within ten seconds: one over a slow line was called broken, and then nobody tried again.
func TestASlowImageIsNoBrokenOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(24 * time.Hour) // so that the server ends
		r := relayOf(60, 60, func() { time.Sleep(time.Second) })
		if err := r.probe(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(r.image, bytes.Repeat(part(), 60)) {
			t.Errorf("%d bytes are there for FFmpeg, which would not wait a minute for them", len(r.image))
		}
	})
}

func TestAServerThatFallsSilentInAnImageIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(24 * time.Hour) // so that the server ends
		begin := time.Now()
		err := relayOf(1, 2, func() { time.Sleep(time.Hour) }).probe()
		want := "the transfer broke after 1004 of 2008 bytes: the server sent nothing for 8s"
		if err == nil || !strings.Contains(err.Error(), want) || time.Since(begin) > time.Minute {
			t.Errorf("after %v: %v, want %s", time.Since(begin), err, want)
		}
	})
}
