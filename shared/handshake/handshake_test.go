package handshake

import (
	"strconv"
	"testing"
)

func TestHelloIsUnderstood(t *testing.T) {
	if version, ok := ParseHello(Hello()); !ok || version != strconv.Itoa(Version) {
		t.Fatalf("%q is version %q, %v", Hello(), version, ok)
	}
	for line, want := range map[string]string{
		"1|999|unix|/somewhere|grpc|\n": "999", // of another version, which says so
		"1|2|fd|6|grpc\n":               "2",
		"2|1|fd|6|grpc|\n":              "", // go-plugin's own version is another
		"1|1|fd|6|grpc|":                "", // cut off
		"hello\n":                       "",
		"":                              "",
	} {
		if got, ok := ParseHello(line); got != want || ok != (want != "") {
			t.Errorf("%q is version %q, %v; want %q", line, got, ok, want)
		}
	}
}
