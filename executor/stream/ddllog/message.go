package ddllog

// Message tells which entries are of one message of a client.
type Message struct {
	first *Entry
	tags  map[string]*Entry // the first of each
}

// Add takes in the next entry of a transaction. A text that two commands of a kind have
// in one message is that of one of them, or of neither: an event trigger of the
// application's has run the other.
func (m *Message) Add(e *Entry) {
	if m.first == nil || e.Stamp == "" || m.first.Stamp != e.Stamp || m.first.Query != e.Query {
		m.first, m.tags = e, map[string]*Entry{e.Tag: e}
		return
	}
	e.Query = m.first.Query // one copy
	if x := m.tags[e.Tag]; x != nil {
		x.Shared, e.Shared = true, true
		return
	}
	m.tags[e.Tag] = e
}
