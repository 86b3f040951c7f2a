package catalog

import (
	"database/sql/driver"
	"fmt"
)

// LSN is a place in a server's write-ahead log.
//
// Every LSN that is stored or compared here is half-open: it means that all that
// committed before it is there. Of a transaction, two LSNs are known: Final, of its
// commit record (Begin.FinalLSN in pgoutput), and End, of the byte behind it
// (Commit.TransactionEndLSN). End is what is stored; the End of one commit can be
// the Final of the next.
type LSN uint64

// Covers reports whether a transaction is part of what this position stands for,
// by the LSN of its commit record. What is not covered is yet to be applied.
func (l LSN) Covers(final LSN) bool { return final < l }

// String is the server's way to write it: 16/B374D848.
func (l LSN) String() string { return fmt.Sprintf("%X/%X", uint32(l>>32), uint32(l)) }

// ParseLSN reads what String writes.
func ParseLSN(text string) (LSN, error) {
	var high, low uint32
	if n, err := fmt.Sscanf(text, "%X/%X", &high, &low); err != nil || n != 2 {
		return 0, fmt.Errorf("%q is no LSN", text)
	}
	return LSN(high)<<32 | LSN(low), nil
}

// Scan reads a pg_lsn that was selected as text; null is 0.
func (l *LSN) Scan(src any) (err error) {
	switch v := src.(type) {
	case nil:
		*l = 0
	case string:
		*l, err = ParseLSN(v)
	case []byte:
		*l, err = ParseLSN(string(v))
	default:
		err = fmt.Errorf("%T is no LSN", src)
	}
	return err
}

// Value passes it as text: write $1::text::pg_lsn.
func (l LSN) Value() (driver.Value, error) { return l.String(), nil }
