package pipeline

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText bounds the text of a pipeline, MaxSteps the steps in it: a worker holds many compiled pipelines at a time.
const (
	MaxText  = 64 << 10
	MaxSteps = 256
)

// Parse reads a pipeline: steps separated by "|", each an op name followed by name=value arguments. White space, line breaks and
// comments, from a "#" to the end of its line, may stand between any two of these, but not beside "=".
//
// A value of letters, digits and "._-+,:/@%" stands as it is, any other in quotes: 'single' for text that is taken literally,
// "double" for text with the escapes \" \\ \n \r \t.
//
// An error is an *Error.
func Parse(text string) (Pipeline, error) {
	if len(text) > MaxText {
		return nil, mistake(0, "", "pipeline has %d bytes, more than %d", len(text), MaxText)
	}
	if !utf8.ValidString(text) {
		return nil, mistake(0, "", "pipeline is not valid UTF-8")
	}
	p := parser{text: text}
	var out Pipeline
	for {
		step, err := p.step()
		if err != nil {
			return nil, err
		}
		if out = append(out, step); len(out) > MaxSteps {
			return nil, p.errorf(step.Pos, "more than %d steps", MaxSteps)
		}
		p.space()
		switch {
		case p.pos == len(p.text):
			return out, nil
		case !p.take('|'):
			return nil, p.errorf(p.at(), "expected | or name=value, found %s", p.rest())
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
	s := Step{Pos: p.at(), Op: p.name()}
	if s.Op == "" {
		return s, p.errorf(s.Pos, "expected the name of an op, found %s", p.rest())
	}
	for {
		p.space()
		a := Arg{Pos: p.at(), Name: p.name()}
		if a.Name == "" {
			return s, nil
		}
		if !p.take('=') {
			return s, p.errorf(a.Pos, "%s: expected %s=value, or | before the next op", s.Op, a.Name)
		}
		if _, twice := s.arg(a.Name); twice {
			return s, p.errorf(a.Pos, "%s: parameter %s is given twice", s.Op, a.Name)
		}
		var err error
		if a.Value, err = p.value(); err != nil {
			return s, err
		}
		s.Args = append(s.Args, a)
	}
}

func (p *parser) value() (string, error) {
	switch {
	case p.take('"'):
		return p.quoted()
	case p.take('\''):
		return p.literal()
	}
	v := p.while(plain)
	if v == "" {
		return "", p.errorf(p.at(), `expected a value, found %s; quotes take any text: name="value"`, p.rest())
	}
	return v, nil
}

// literal reads up to the closing single quote.
func (p *parser) literal() (string, error) {
	start := p.at() - 1
	v := p.while(func(r rune) bool { return r != '\'' })
	if !p.take('\'') {
		return "", p.errorf(start, "the quoted value has no end")
	}
	return v, nil
}

// escapes are what may follow a backslash between double quotes, and what it stands for.
var escapes = map[byte]byte{'"': '"', '\\': '\\', 'n': '\n', 'r': '\r', 't': '\t'}

// quoted reads up to the closing double quote.
func (p *parser) quoted() (string, error) {
	start := p.at() - 1
	var b strings.Builder
	for {
		b.WriteString(p.while(func(r rune) bool { return r != '"' && r != '\\' }))
		switch {
		case p.take('"'):
			return b.String(), nil
		case len(p.text)-p.pos < 2:
			return "", p.errorf(start, "the quoted value has no end")
		}
		c, ok := escapes[p.text[p.pos+1]]
		if !ok {
			return "", p.errorf(p.at(), `unknown escape: \" \\ \n \r \t are known, and 'single quotes' take a backslash as it is`)
		}
		b.WriteByte(c)
		p.pos += 2
	}
}

func (p *parser) name() string {
	return p.while(func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) })
}

func plain(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-+,:/@%", r)
}

// space passes over white space and comments.
func (p *parser) space() {
	for p.while(unicode.IsSpace); p.take('#'); p.while(unicode.IsSpace) {
		p.while(func(r rune) bool { return r != '\n' })
	}
}

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

// at is the position of the next byte, counted from 1.
func (p *parser) at() int { return p.pos + 1 }

// rest is the next few characters in quotes, for messages.
func (p *parser) rest() string {
	r := []rune(p.text[p.pos:])
	if len(r) == 0 {
		return "the end"
	}
	return strconv.Quote(string(r[:min(len(r), 12)]))
}

func (p *parser) errorf(pos int, format string, args ...any) error {
	_, line, character := Locate(p.text, pos)
	where := fmt.Sprintf("character %d", character)
	if strings.Contains(p.text, "\n") {
		where = fmt.Sprintf("line %d, %s", line, where)
	}
	return mistake(pos, "", "pipeline, %s: %s", where, fmt.Sprintf(format, args...))
}
