package web_test
import ("testing";"os")
func TestZZDump(t *testing.T) {
	for name, target := range map[string]string{"overview":"/","drift":"/drift","tickets":"/?unit=tickets"} {
		os.WriteFile("/tmp/show/"+name+".html", []byte(text(t, get(t, fixture(), readAt, target))), 0o644)
	}
}
