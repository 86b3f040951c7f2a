package verify

import "regexp"

// normal writes alike what a server prints in two ways for one expression. A list
// of varchar constants in a check or a view is cast as a whole when it was written,
// and item by item once it has been through a dump:
//
//	((ARRAY['a'::character varying, 'b'::character varying])::text[])
//	(ARRAY[('a'::character varying)::text, ('b'::character varying)::text])
func normal(s string) string {
	return castList.ReplaceAllString(castItem.ReplaceAllString(s, "$1"), "$1")
}

var (
	castItem = regexp.MustCompile(`\(('(?:[^']|'')*'::character varying)\)::text`)
	castList = regexp.MustCompile(`\((ARRAY\[(?:'(?:[^']|'')*'::character varying(?:, )?)*\])\)::text\[\]`)
)
