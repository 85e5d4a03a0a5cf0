package cli

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Plain makes a text that names files safe to print: a file's name may hold what moves a terminal's cursor or clears its screen.
// Control characters and what is not UTF-8 are written as escapes; further lines are indented, so that none passes for another.
func Plain(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		switch piece := text[:n]; {
		case r == '\n':
			b.WriteString("\n  ")
		case r == utf8.RuneError && n == 1, !strconv.IsPrint(r):
			quoted := strconv.Quote(piece)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteString(piece)
		}
		text = text[n:]
	}
	return b.String()
}
