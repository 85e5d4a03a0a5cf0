package pipeline

import (
	"slices"
	"strings"
	"unicode"
)

// nearness is how near an op is to a word that is searched for, the nearest first.
type nearness int

const (
	isIt      nearness = iota // the op's name
	isAlias                   // a name that it has elsewhere
	nameBegin                 // the beginning of its name
	nameHas                   // a part of its name
	aliasWord                 // the beginning of a word of a name that it has elsewhere
	textWord                  // a word of its description
	textBegin                 // the beginning of one
	textHas                   // letters within one
	apart
)

// Search returns the ops that have all of the words in their description: first those that are nearest to the first word, among
// equals to the next one, then in the order of the catalogue. Case and underscores do not matter. Letters within words, such as LUT
// in resolution, count only where nothing else is found.
func (c Catalogue) Search(words []string) Catalogue {
	type hit struct {
		op   OpInfo
		near []nearness // of each word
	}
	var hits []hit
	for _, op := range c {
		h := hit{op: op}
		d := describe(op)
		for _, word := range words {
			h.near = append(h.near, d.near(word))
		}
		if !slices.Contains(h.near, apart) {
			hits = append(hits, h)
		}
	}
	within := func(h hit) bool { return slices.Contains(h.near, textHas) }
	if !slices.ContainsFunc(hits, func(h hit) bool { return !within(h) }) {
		within = func(hit) bool { return false }
	}
	hits = slices.DeleteFunc(hits, within)
	slices.SortStableFunc(hits, func(a, b hit) int { return slices.Compare(a.near, b.near) })
	found := make(Catalogue, len(hits))
	for i, h := range hits {
		found[i] = h.op
	}
	return found
}

// description is what is searched of an op, folded.
type description struct {
	op         OpInfo
	name, text string
	aliases    []string // words of the names elsewhere
	words      []string // of all
}

func describe(op OpInfo) description {
	texts := []string{op.Name, op.Family, op.Doc, op.Returns, op.Module}
	texts = append(texts, op.KnownAs...)
	for _, p := range op.Params {
		texts = append(append(texts, p.Name, p.Doc), p.Choices...)
	}
	all := strings.Join(texts, "\n")
	return description{op, folded(op.Name), folded(all), wordsOf(strings.Join(op.KnownAs, " ")), wordsOf(all)}
}

func (d description) near(name string) nearness {
	word := folded(name)
	begins := func(w string) bool { return strings.HasPrefix(w, word) }
	switch {
	case d.name == word:
		return isIt
	case d.op.isKnownAs(name):
		return isAlias
	case begins(d.name):
		return nameBegin
	case strings.Contains(d.name, word):
		return nameHas
	case slices.ContainsFunc(d.aliases, begins):
		return aliasWord
	case slices.Contains(d.words, word):
		return textWord
	case slices.ContainsFunc(d.words, begins):
		return textBegin
	case strings.Contains(d.text, word):
		return textHas
	}
	return apart
}

// wordsOf returns the words of a text, folded, and of names such as apertureSize also their parts.
func wordsOf(text string) []string {
	var words []string
	for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		words = append(words, folded(name))
		start, lower := 0, false
		for i, r := range name {
			if r == '_' || lower && unicode.IsUpper(r) {
				words = append(words, folded(name[start:i]))
				start = i
			}
			lower = unicode.IsLower(r)
		}
		words = append(words, folded(name[start:]))
	}
	return words
}
