FROM localhost/base
LABEL "a"="b" c.d-e/f='g h'
LABEL of=child
LABEL key value words
LABEL m="line \
  two"
