package pipeline

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cvfarm/cvfarm/shared/fault"
)

// MaxText bounds the text of a pipeline, MaxSteps the steps in it: a worker holds many compiled pipelines at a time.
const (
	MaxText  = 64 << 10
	MaxSteps = 256
)

// Parse reads a pipeline: steps separated by "|", each an op name followed by name=value arguments separated by white space.
// A value with other characters than letters, digits and "._-+,:/@%" stands in double quotes, in which \" and \\ are escapes.
// An error carries fault.Invalid and names the character it is at, counted from 1.
func Parse(text string) (Pipeline, error) {
	if len(text) > MaxText {
		return nil, fault.Errorf(fault.Invalid, "pipeline has %d bytes, more than %d", len(text), MaxText)
	}
	if !utf8.ValidString(text) {
		return nil, fault.Errorf(fault.Invalid, "pipeline is not valid UTF-8")
	}
	p := parser{text: text}
	var out Pipeline
	for {
		step, err := p.step()
		if err != nil {
			return nil, err
		}
		if out = append(out, step); len(out) > MaxSteps {
			return nil, p.errorf("more than %d steps", MaxSteps)
		}
		p.space()
		switch {
		case p.pos == len(p.text):
			return out, nil
		case !p.take('|'):
			return nil, p.errorf("expected | or name=value, found %q", p.rest())
		}
	}
}

// parser walks over the text once; pos is where it stands.
type parser struct {
	text string
	pos  int
}

func (p *parser) step() (Step, error) {
	p.space()
	s := Step{Op: p.name()}
	if s.Op == "" {
		return s, p.errorf("expected the name of an op, found %q", p.rest())
	}
	for {
		p.space()
		name := p.name()
		if name == "" {
			return s, nil
		}
		if !p.take('=') {
			return s, p.errorf("%s: expected %s=value", s.Op, name)
		}
		value, err := p.value()
		if err != nil {
			return s, err
		}
		for _, a := range s.Args {
			if a.Name == name {
				return s, p.errorf("%s: parameter %s is given twice", s.Op, name)
			}
		}
		s.Args = append(s.Args, Arg{name, value})
	}
}

func (p *parser) value() (string, error) {
	if p.take('"') {
		return p.quoted()
	}
	v := p.while(plain)
	if v == "" {
		return "", p.errorf("expected a value, found %q", p.rest())
	}
	return v, nil
}

func (p *parser) quoted() (string, error) {
	start := p.pos
	var b strings.Builder
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		p.pos++
		switch {
		case c == '"':
			return b.String(), nil
		case c == '\\' && p.pos < len(p.text):
			b.WriteByte(p.text[p.pos])
			p.pos++
		default:
			b.WriteByte(c)
		}
	}
	p.pos = start
	return "", p.errorf("the quoted value has no end")
}

func (p *parser) name() string {
	return p.while(func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) })
}

func plain(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-+,:/@%", r)
}

func (p *parser) space() { p.while(unicode.IsSpace) }

func (p *parser) while(ok func(rune) bool) string {
	rest := p.text[p.pos:]
	n := strings.IndexFunc(rest, func(r rune) bool { return !ok(r) })
	if n < 0 {
		n = len(rest)
	}
	p.pos += n
	return rest[:n]
}

func (p *parser) take(c byte) bool {
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// rest is the next few characters, for messages.
func (p *parser) rest() string {
	r := []rune(p.text[p.pos:])
	if len(r) == 0 {
		return "the end"
	}
	return string(r[:min(len(r), 12)])
}

func (p *parser) errorf(format string, args ...any) error {
	at := utf8.RuneCountInString(p.text[:p.pos]) + 1
	return fault.Errorf(fault.Invalid, "pipeline, character %d: %s", at, fmt.Sprintf(format, args...))
}
