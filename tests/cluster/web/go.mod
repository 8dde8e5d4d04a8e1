module springtide/web

go 1.24.0
