package daemon

// Patterns returns what is served at each address.
func (d *Daemon) Patterns() map[string][]string {
	all := map[string][]string{}
	for _, s := range d.sites {
		address := s.listeners[0].Addr().String()
		for _, r := range s.routes {
			all[address] = append(all[address], r.pattern)
		}
	}
	return all
}
