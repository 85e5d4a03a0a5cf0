package pipeline

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	gray := Step{Op: "gray"}
	canny := Step{Op: "canny", Args: []Arg{{Name: "low", Value: "50"}, {Name: "high", Value: "150"}}}
	text := func(value string) Pipeline { return Pipeline{{Op: "text", Args: []Arg{{Name: "s", Value: value}}}} }
	cases := []struct {
		name, text string
		want       Pipeline
		err        string
	}{
		{"one op", "gray", Pipeline{gray}, ""},
		{"arguments and white space", " gray |\n canny low=50\thigh=150 ", Pipeline{gray, canny}, ""},
		{"comments and line breaks", "# all\ngray # one | two\n\n| canny#x\n low=50 # it's\r\n high=150 #", Pipeline{gray, canny}, ""},
		{"double quotes keep everything", `text s="a | b=\"c\" \\ # '"`, text(`a | b="c" \ # '`), ""},
		{"double quotes know escapes", `text s="a\n\r\tb"`, text("a\n\r\tb"), ""},
		{"double quotes keep line breaks", "text s=\"a\nb\"", text("a\nb"), ""},
		{"single quotes take all as it is", `text s='a\n"b" \'`, text(`a\n"b" \`), ""},
		{"an empty value in either quotes", `text s="" | text s=''`, append(text(""), text("")...), ""},
		{"a quote ends its value", `text s='a'b="c"`, Pipeline{{Op: "text", Args: []Arg{{Name: "s", Value: "a"}, {Name: "b", Value: "c"}}}}, ""},
		{"nothing", "  ", nil, `character 3: expected the name of an op, found the end`},
		{"only a comment", "# gray", nil, `character 7: expected the name of an op, found the end`},
		{"a bar too many", "gray || canny", nil, `character 7: expected the name of an op, found "| canny"`},
		{"a bar at the end", "gray |", nil, "expected the name of an op"},
		{"a name without a value", "canny low high=3", nil, "character 7: canny: expected low=value, or | before the next op"},
		{"ops without a bar between", "gray\ncanny low=3", nil, "line 2, character 1: gray: expected canny=value, or |"},
		{"white space before the value", "canny low= 3", nil, `character 11: expected a value, found " 3"`},
		{"a comment where a value should be", "text s=#f00", nil, `expected a value, found "#f00"; quotes take any text`},
		{"a parameter twice", "canny low=1 low=2", nil, "character 13: canny: parameter low is given twice"},
		{"double quotes without an end", `text s="abc`, nil, "character 8: the quoted value has no end"},
		{"double quotes that end in a backslash", `text s="abc\`, nil, "no end"},
		{"single quotes without an end", `text s='abc`, nil, "character 8: the quoted value has no end"},
		{"an unknown escape", `text s="ab\q"`, nil, "character 11: unknown escape"},
		{"another separator", "gray; canny", nil, `character 5: expected | or name=value, found "; canny"`},
		{"characters are counted, not bytes", "text ü=\"ü\" !", nil, "character 12: expected |"},
		{"bytes that are not UTF-8", "gr\xffay", nil, "UTF-8"},
		{"too long", strings.Repeat("a", MaxText+1), nil, "bytes"},
		{"too many steps", strings.Repeat("a|", MaxSteps) + "a", nil, "more than 256 steps"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse(c.text)
			checkErr(t, err, c.err)
			if !reflect.DeepEqual(bare(got), c.want) {
				t.Fatalf("got %#v, want %#v", got, c.want)
			}
		})
	}
}

// bare returns p without positions.
func bare(p Pipeline) Pipeline {
	var out Pipeline
	for _, s := range p {
		s.Pos, s.Args = 0, append([]Arg(nil), s.Args...)
		for i := range s.Args {
			s.Args[i].Pos = 0
		}
		out = append(out, s)
	}
	return out
}

func TestParseTellsWhereWordsAre(t *testing.T) {
	text := "# ü\n gray | canny low=50\n\thigh='1 50'"
	p, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for word, pos := range map[string]int{"gray |": p[0].Pos, "canny": p[1].Pos, "low=": p[1].Args[0].Pos, "high=": p[1].Args[1].Pos,
		"50\n": p[1].Args[0].valuePos(), "'1": p[1].Args[1].valuePos()} {
		if !strings.HasPrefix(text[pos-1:], word) {
			t.Errorf("%q is not at %d", word, pos)
		}
	}
	line, number, character := Locate(text, p[1].Args[1].Pos)
	if line != "\thigh='1 50'" || number != 3 || character != 2 {
		t.Errorf("%q %d %d", line, number, character)
	}
}

func TestAnyPipelineIsReadBackFromWhatStringWrote(t *testing.T) {
	name := rapid.StringMatching(`[\pL\d_]{1,8}`)
	value := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~\n\r\t]*`))
	rapid.Check(t, func(t *rapid.T) {
		var p Pipeline
		for range rapid.IntRange(1, 4).Draw(t, "steps") {
			s := Step{Op: name.Draw(t, "op")}
			for _, n := range rapid.SliceOfNDistinct(name, 0, 3, rapid.ID).Draw(t, "names") {
				s.Args = append(s.Args, Arg{Name: n, Value: value.Draw(t, "value")})
			}
			p = append(p, s)
		}
		text := p.String()
		if again, err := Parse(text); err != nil || !reflect.DeepEqual(bare(again), bare(p)) || strings.Contains(text, "\n") {
			t.Fatalf("%#v was written as %q and read back as %#v, %v", p, text, again, err)
		}
	})
}

func FuzzParseReadsBackWhatStringWrote(f *testing.F) {
	f.Add("gray | canny low=50 high=150")
	f.Add(`text s="a | b=\"c\" \\" x=ü`)
	f.Add("# all\ngray # one\n| text s='it is' t=\"\\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil {
			checkPlace(t, text, err)
			return
		}
		again, err := Parse(p.String())
		if err != nil || !reflect.DeepEqual(bare(again), bare(p)) {
			t.Fatalf("%q was written as %q and read back as %#v, %v", text, p.String(), again, err)
		}
	})
}
