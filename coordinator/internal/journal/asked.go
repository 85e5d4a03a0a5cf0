package journal

import (
	"fmt"
	"os"
	"time"
)

// Asked is what a run was asked for, as far as its results depend on it. Work goes on only for the same.
type Asked struct {
	Settings []Setting `json:"settings"`
	Inputs   []Input   `json:"inputs"`
}

// Setting is an argument, by the name that the user knows.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Input is a file to read, as it was when the run began.
type Input struct {
	Name string `json:"name"`
	// Size is in bytes; -1 where there is no file.
	Size int64 `json:"size"`
	// Changed is in nanoseconds since 1970.
	Changed int64 `json:"changed"`
}

// InputOf looks at the file at path.
func InputOf(name, path string) Input {
	info, err := os.Stat(path)
	if err != nil {
		return Input{Name: name, Size: -1}
	}
	return Input{name, info.Size(), info.ModTime().UnixNano()}
}

// Difference says in words how now differs from what was asked; empty where it does not.
func (was Asked) Difference(now Asked) string {
	before := map[string]string{}
	for _, s := range was.Settings {
		before[s.Name] = s.Value
	}
	for _, s := range now.Settings {
		old, known := before[s.Name]
		if !known || old != s.Value {
			return fmt.Sprintf("%s is %s, and was %s", s.Name, orNone(s.Value), orNone(old))
		}
		delete(before, s.Name)
	}
	for _, s := range was.Settings {
		if old, left := before[s.Name]; left {
			return fmt.Sprintf("%s is not known now, and was %s", s.Name, orNone(old))
		}
	}
	return inputDifference(was.Inputs, now.Inputs)
}

func orNone(value string) string {
	if value == "" {
		return "not given"
	}
	return value
}

func inputDifference(was, now []Input) string {
	for i := range min(len(was), len(now)) {
		switch a, b := was[i], now[i]; {
		case a.Name != b.Name:
			return fmt.Sprintf("input %d is %s, and was %s", i+1, b.Name, a.Name)
		case a != b:
			return fmt.Sprintf("input %s was changed: it has %s, and had %s", b.Name, b.describe(), a.describe())
		}
	}
	switch {
	case len(now) > len(was):
		return fmt.Sprintf("there are %d inputs, and were %d: %s is new", len(now), len(was), now[len(was)].Name)
	case len(now) < len(was):
		return fmt.Sprintf("there are %d inputs, and were %d: %s is gone", len(now), len(was), was[len(now)].Name)
	}
	return ""
}

func (i Input) describe() string {
	if i.Size < 0 {
		return "no file"
	}
	return fmt.Sprintf("%d bytes of %s", i.Size, timeOf(i.Changed))
}

func timeOf(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05.999999999") }
