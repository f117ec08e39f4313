package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed assets
var assets embed.FS

var (
	stylesheet = mustRead("assets/style.css")
	policy     = "default-src 'none'; style-src 'sha256-" + styleHash() + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	pages      = template.Must(template.New("").Funcs(template.FuncMap{
		"style":        func() template.CSS { return template.CSS(stylesheet) },
		"px":           func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) },
		"lower":        strings.ToLower,
		"capital":      capital,
		"minEffective": func() int { return minEffective },
	}).ParseFS(assets, "assets/*.html"))
)

func mustRead(name string) string {
	data, err := assets.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func styleHash() string {
	sum := sha256.Sum256([]byte(stylesheet))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (h *handler) overview(w http.ResponseWriter, r *http.Request) {
	v, err := viewOf(r.URL.Query())
	p, status := newPage(h.source.Snapshot(), h.source.Status(), v, time.Now()), http.StatusOK
	p.Version = h.version
	if known := new(apiError); errors.As(err, &known) {
		status, p.Problem = known.status, known.detail.Message
	}
	h.render(w, status, "overview.html", p)
}

// driftData is what the drift template prints.
type driftData struct {
	Version  string
	Fresh    dated
	Movement *movement
}

func (h *handler) driftPage(w http.ResponseWriter, _ *http.Request) {
	data := driftData{Version: h.version}
	if snap := h.source.Snapshot(); snap != nil {
		status := h.source.Status()
		data.Fresh = dateOf(snap.Company.Watermark, time.Now(), status.StaleAfter)
		data.Movement = newMovement(snap, newNames(snap, status))
	}
	if data.Movement != nil {
		for i := range data.Movement.Open {
			data.Movement.Open[i].Chart = nil // it is among the others
		}
	}
	h.render(w, http.StatusOK, "drift.html", data)
}

// render writes a whole page or, if the template breaks, none of it.
func (h *handler) render(w http.ResponseWriter, status int, name string, data any) {
	var buf bytes.Buffer
	if err := pages.ExecuteTemplate(&buf, name, data); err != nil {
		h.logger.Error("Rendering a page failed", "page", name, "err", err)
		http.Error(w, "this page cannot be shown", http.StatusInternalServerError)
		return
	}
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Security-Policy", policy)
	head.Set("Referrer-Policy", "no-referrer")
	noStore(head)
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes())
}

func noStore(head http.Header) {
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
}
